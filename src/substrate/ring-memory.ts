/**
 * A byte ring in shared memory that carries framed messages from producers to consumers, of any size.
 *
 * Runs in every process and thread. One producer and one consumer at a time; where there may be several on
 * a side, that side has a lock (`locked-ring.ts`) which they hold around each call.
 *
 * ```text
 * byte  word
 * 0     tail: bytes ever written, modulo 2^32; the producer's commit word
 * 64    head: bytes ever read, modulo 2^32; the consumer's commit word
 * 128   1: the producer wants to be woken when there is room   132  its futex sequence
 * 192   1: a consumer sleeps in the futex                      196  its futex sequence
 * 256   closed: 1 by the producer's side, 2 by the consumer's
 * 512   data, a power of two
 * ```
 *
 * A record is `u32 length, u32 kind << 8 | flags`, then the payload, padded to 8 bytes. A record never wraps:
 * where it does not fit before the end, a PAD record fills the rest. A message longer than a quarter of the
 * data travels as several records, FIRST … LAST, the first beginning with the whole length (f64).
 *
 * Who may die at which step: a producer killed before its store of `tail` leaves nothing visible, its bytes
 * are overwritten by the next; killed between two chunks it leaves a beginning, which the next FIRST makes
 * the consumer drop. A consumer killed before its store of `head` leaves the record to the next consumer;
 * killed between chunks, the rest is dropped as chunks without a beginning. `dropped` counts both.
 */
import { binding } from '../native/binding.js';
import { arena } from './arena.js';
import { now } from './clock.js';
import { faultPoint } from './fault.js';

/** Byte offset of the data; a ring needs this much more than its capacity. */
export const RING_HEADER_BYTES = 512;

export const TAIL = 0;
export const HEAD = 16;
export const PRODUCER_WAITS = 32;
export const PRODUCER_SEQUENCE = 33;
export const CONSUMER_WAITS = 48;
export const CONSUMER_SEQUENCE = 49;
export const CLOSED = 64;

export const CLOSED_BY_PRODUCER = 1;
export const CLOSED_BY_CONSUMER = 2;

export const FLAG_FIRST = 1;
export const FLAG_LAST = 2;
export const FLAG_PAD = 4;
export const WHOLE: number = FLAG_FIRST | FLAG_LAST;
export const RECORD_HEADER_BYTES = 8;
export const LENGTH_BYTES = 8;

const WAIT_SLICE_MS = 100;

/** The shared words and bytes of one ring. */
export class RingMemory {
  readonly offset: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly data: Int32Array;
  readonly mask: number;

  constructor(offset: number, capacity: number) {
    if (!Number.isInteger(Math.log2(capacity)) || capacity < 1024)
      throw new RangeError(`Cannot open a ring: capacity must be a power of two of at least 1024 bytes, received ${capacity}`);
    this.offset = offset;
    const buffer = arena().buffer(offset, RING_HEADER_BYTES + capacity);
    this.words = new Int32Array(buffer, 0, RING_HEADER_BYTES / 4);
    this.bytes = new Uint8Array(buffer, RING_HEADER_BYTES, capacity);
    this.data = new Int32Array(buffer, RING_HEADER_BYTES, capacity / 4);
    this.mask = capacity - 1;
  }

  get capacity(): number {
    return this.mask + 1;
  }

  /** `flag = 0; sequence++; if (wake(1) > 0) flag = 1`: heals itself, whoever of the waiters was killed. */
  wakeSleeper(flag: number, sequence: number): void {
    if (Atomics.load(this.words, flag) === 0) return;
    Atomics.store(this.words, flag, 0);
    Atomics.add(this.words, sequence, 1);
    faultPoint('ring.beforeWake');
    if (binding().futexWake(this.offset + sequence * 4, 1) > 0) Atomics.store(this.words, flag, 1);
  }

  /** Sleeps until `ready`, at most to `deadline` (ms of `now()`). False: it ran out. */
  sleepUntil(ready: () => boolean, flag: number, sequence: number, deadline: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.words, sequence);
      Atomics.store(this.words, flag, 1);
      if (ready()) return true;
      const left = deadline - now();
      if (left <= 0) return false;
      binding().futexWait(this.offset + sequence * 4, seen, Math.min(left, WAIT_SLICE_MS));
      if (ready()) return true;
    }
  }
}
