/**
 * A byte ring in shared memory that carries framed messages from producers to consumers, of any size.
 *
 * Runs in every process and thread. One producer and one consumer at a time; where there may be several on
 * a side, that side has a lock (`RingLocks`) which they hold around each call.
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
import { ChannelClosedError, MessageTooLargeError, ProtocolError } from '../errors.js';
import { binding } from '../native/binding.js';
import { messageMemory } from './message-memory.js';
import { arena } from './arena.js';
import { now } from './clock.js';
import { faultPoint } from './fault.js';

/** Byte offset of the data; a ring needs this much more than its capacity. */
export const RING_HEADER_BYTES = 512;

const TAIL = 0;
const HEAD = 16;
const PRODUCER_WAITS = 32;
const PRODUCER_SEQUENCE = 33;
const CONSUMER_WAITS = 48;
const CONSUMER_SEQUENCE = 49;
const CLOSED = 64;

const CLOSED_BY_PRODUCER = 1;
const CLOSED_BY_CONSUMER = 2;

const FLAG_FIRST = 1;
const FLAG_LAST = 2;
const FLAG_PAD = 4;
const WHOLE: number = FLAG_FIRST | FLAG_LAST;
const RECORD_HEADER_BYTES = 8;
const LENGTH_BYTES = 8;
const WAIT_SLICE_MS = 100;

/** Takes one message: `buffer[start..end)` is only valid during the call, unless it is `owned`: then the buffer is the message's alone. */
export type MessageHandler = (kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean) => void;

/** The shared words and bytes of one ring. */
class RingMemory {
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

/** Of a message announced as larger, memory is taken as its bytes arrive. */
const TAKEN_AT_ONCE_BYTES = 2 ** 24;

/** The writing end. */
export class RingProducer {
  readonly #ring: RingMemory;
  #tail: number;
  #head: number;
  readonly #maxChunk: number;

  constructor(offset: number, capacity: number) {
    this.#ring = new RingMemory(offset, capacity);
    this.#tail = Atomics.load(this.#ring.words, TAIL) >>> 0;
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
    this.#maxChunk = this.#ring.capacity / 4 - RECORD_HEADER_BYTES;
  }

  /** Reads the positions anew: needed when another process may have produced since, that is, with a lock. */
  refresh(): void {
    this.#tail = Atomics.load(this.#ring.words, TAIL) >>> 0;
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
  }

  /**
   * Writes as much of a message as there is room for.
   *
   * @param from 0, or what the last call returned: bytes of the payload written so far.
   * @returns Bytes written in all; the message is complete when this is `end - start`, or −1 if an empty or small message did not fit.
   * @throws {ChannelClosedError} If the consumer's side closed it.
   */
  write(kind: number, buffer: Uint8Array, start: number, end: number, from: number = -1): number {
    const total = end - start;
    const { words } = this.#ring;
    if (Atomics.load(words, CLOSED) !== 0) throw new ChannelClosedError('Cannot send: the channel is closed');
    if (from < 0 && total <= this.#maxChunk) {
      if (!this.#record(kind, WHOLE, -1, buffer, start, end)) return -1;
      this.#publish();
      return total;
    }
    let done = Math.max(from, -1);
    for (;;) {
      const first = done < 0;
      const at = first ? 0 : done;
      const chunk = Math.min(total - at, this.#maxChunk - (first ? LENGTH_BYTES : 0));
      const flags = (first ? FLAG_FIRST : 0) | (at + chunk === total ? FLAG_LAST : 0);
      if (!this.#record(kind, flags, first ? total : -1, buffer, start + at, start + at + chunk)) return done;
      this.#publish();
      done = at + chunk;
      if (done === total) return done;
      faultPoint('ring.betweenChunks');
    }
  }

  /**
   * Says that this side waits for room; true if there is room after all. Any later read by the consumer tells.
   * Room is half of the ring: the largest record and the padding before it.
   */
  awaitRoom(): boolean {
    Atomics.store(this.#ring.words, PRODUCER_WAITS, 1);
    return this.#roomFor(this.#ring.capacity / 2);
  }

  /** Blocks until half of the ring is free. False: time ran out. */
  sleepForRoom(deadline: number): boolean {
    return this.#ring.sleepUntil(
      () => this.#roomFor(this.#ring.capacity / 2) || this.closed,
      PRODUCER_WAITS,
      PRODUCER_SEQUENCE,
      deadline,
    );
  }

  /** Wakes a consumer that sleeps in the futex. */
  wakeConsumer(): void {
    this.#ring.wakeSleeper(CONSUMER_WAITS, CONSUMER_SEQUENCE);
  }

  get closed(): boolean {
    return Atomics.load(this.#ring.words, CLOSED) !== 0;
  }

  close(): void {
    Atomics.or(this.#ring.words, CLOSED, CLOSED_BY_PRODUCER);
    this.wakeConsumer();
  }

  #roomFor(bytes: number): boolean {
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
    return this.#ring.capacity - ((this.#tail - this.#head) >>> 0) >= bytes;
  }

  #publish(): void {
    faultPoint('ring.beforeCommit');
    Atomics.store(this.#ring.words, TAIL, this.#tail | 0);
  }

  /** Writes one record behind the tail, not yet visible. */
  #record(kind: number, flags: number, whole: number, buffer: Uint8Array, start: number, end: number): boolean {
    const { bytes, data, mask } = this.#ring;
    const length = end - start + (whole >= 0 ? LENGTH_BYTES : 0);
    const size = RECORD_HEADER_BYTES + ((length + 7) & ~7);
    let at = this.#tail & mask;
    const toEnd = mask + 1 - at;
    const pad = size > toEnd ? toEnd : 0;
    if (mask + 1 - ((this.#tail - this.#head) >>> 0) < size + pad && !this.#roomFor(size + pad)) return false;
    if (pad > 0) {
      data[at >> 2] = pad - RECORD_HEADER_BYTES;
      data[(at >> 2) + 1] = FLAG_PAD;
      this.#tail = (this.#tail + pad) >>> 0;
      at = 0;
    }
    data[at >> 2] = length;
    data[(at >> 2) + 1] = (kind << 8) | flags;
    let to = at + RECORD_HEADER_BYTES;
    faultPoint('ring.afterReserve');
    if (whole >= 0) {
      new DataView(bytes.buffer, bytes.byteOffset + to, LENGTH_BYTES).setFloat64(0, whole, true);
      to += LENGTH_BYTES;
    }
    copy(buffer, start, end, bytes, to);
    this.#tail = (this.#tail + size) >>> 0;
    return true;
  }
}

/** Bytes up to which a loop is quicker than a call of `set` with a new view. */
const LOOP_BYTES = 48;

function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES) {
    to.set(from.subarray(start, end), at);
    return;
  }
  for (let i = start; i < end; i++) to[at++] = from[i] as number;
}

/** A message of which the beginning is here. */
interface PartialMessage {
  readonly kind: number;
  readonly total: number;
  buffer: Uint8Array;
  used: number;
}

/** The reading end. */
export class RingConsumer {
  readonly #ring: RingMemory;
  readonly #maxMessage: number;
  #head: number;
  #partial: PartialMessage | undefined;
  /** Messages begun and never finished, because their producer or a consumer died. */
  dropped: number = 0;

  constructor(offset: number, capacity: number, maxMessage: number = Number.MAX_SAFE_INTEGER) {
    this.#ring = new RingMemory(offset, capacity);
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
    this.#maxMessage = maxMessage;
  }

  /** See `RingProducer.refresh`; forgets the beginning of a message that another consumer may have gone on with. */
  refresh(): void {
    this.#dropPartial();
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
  }

  /** Whether a record waits. */
  readable(): boolean {
    return Atomics.load(this.#ring.words, TAIL) !== Atomics.load(this.#ring.words, HEAD);
  }

  /** Whether a message has begun to arrive. */
  get midMessage(): boolean {
    return this.#partial !== undefined;
  }

  /**
   * Reads messages until the ring is empty or `limit` of them are handled.
   *
   * @returns How many messages were handled.
   * @throws {ProtocolError} If the bytes are no record: the ring is unusable then.
   */
  read(handler: MessageHandler, limit: number): number {
    const { words, data, bytes, mask } = this.#ring;
    let handled = 0;
    let tail = Atomics.load(words, TAIL) >>> 0;
    while (handled < limit) {
      if (this.#head === tail) {
        tail = Atomics.load(words, TAIL) >>> 0;
        if (this.#head === tail) break;
      }
      const at = this.#head & mask;
      const length = data[at >> 2] as number;
      const word = data[(at >> 2) + 1] as number;
      const size = RECORD_HEADER_BYTES + ((length + 7) & ~7);
      const unread = (tail - this.#head) >>> 0;
      if (length < 0 || at + size > mask + 1 || size > unread || unread > mask + 1) {
        throw new ProtocolError(
          `Cannot read the channel: a record of ${length} bytes at ${at} does not fit into ${mask + 1}; the other side wrote garbage`,
        );
      }
      try {
        if (this.#deliver(handler, word, bytes, at + RECORD_HEADER_BYTES, length)) handled++;
      } finally {
        this.#head = (this.#head + size) >>> 0;
        faultPoint('ring.beforeHead');
        Atomics.store(words, HEAD, this.#head | 0);
      }
    }
    return handled;
  }

  /** Hands a record to the handler if it completes a message. */
  #deliver(handler: MessageHandler, word: number, bytes: Uint8Array, start: number, length: number): boolean {
    if ((word & FLAG_PAD) !== 0) return false;
    if ((word & WHOLE) === WHOLE) {
      this.#dropPartial();
      handler(word >>> 8, bytes, start, start + length, false);
      return true;
    }
    const whole = this.#collect(word >>> 8, word, bytes, start, start + length);
    if (whole === undefined) return false;
    handler(whole.kind, whole.buffer, 0, whole.total, true);
    return true;
  }

  /** If the producer asked to be woken and half of the ring is free: wakes it where it sleeps in the futex. True: ring its doorbell too. */
  wakeProducer(): boolean {
    const { words } = this.#ring;
    if (Atomics.load(words, PRODUCER_WAITS) === 0) return false;
    const unread = ((Atomics.load(words, TAIL) >>> 0) - this.#head) >>> 0;
    if (unread > this.#ring.capacity / 2) return false;
    this.#ring.wakeSleeper(PRODUCER_WAITS, PRODUCER_SEQUENCE);
    return true;
  }

  /** Blocks until a record is there or the producer closed. False: time ran out. */
  sleepForRecord(deadline: number): boolean {
    return this.#ring.sleepUntil(() => this.readable() || this.closed, CONSUMER_WAITS, CONSUMER_SEQUENCE, deadline);
  }

  get closed(): boolean {
    return Atomics.load(this.#ring.words, CLOSED) !== 0;
  }

  close(): void {
    Atomics.or(this.#ring.words, CLOSED, CLOSED_BY_CONSUMER);
    this.#ring.wakeSleeper(PRODUCER_WAITS, PRODUCER_SEQUENCE);
  }

  /** Takes a chunk; gives the message when it is complete. Memory is taken as bytes arrive, not as announced. */
  #collect(kind: number, flags: number, bytes: Uint8Array, start: number, end: number): PartialMessage | undefined {
    if ((flags & FLAG_FIRST) !== 0) {
      this.#dropPartial();
      const total =
        end - start < LENGTH_BYTES ? -1 : new DataView(bytes.buffer, bytes.byteOffset + start, LENGTH_BYTES).getFloat64(0, true);
      if (!Number.isSafeInteger(total) || total < 0)
        throw new ProtocolError(`Cannot read the channel: a message of ${total} bytes is announced`);
      if (total > this.#maxMessage)
        throw new MessageTooLargeError(`Cannot receive a message of ${total} bytes: the limit is ${this.#maxMessage}`);
      this.#partial = { kind, buffer: messageMemory(Math.min(total, TAKEN_AT_ONCE_BYTES)), used: 0, total };
      start += LENGTH_BYTES;
    }
    const partial = this.#partial;
    if (partial === undefined) {
      if ((flags & FLAG_LAST) !== 0) this.dropped++;
      return undefined;
    }
    const used = partial.used + end - start;
    if (used > partial.total)
      throw new ProtocolError(`Cannot read the channel: more than the announced ${partial.total} bytes arrived`);
    if (used > partial.buffer.length) {
      const larger = messageMemory(Math.min(partial.total, partial.buffer.length * 4));
      larger.set(partial.buffer.subarray(0, partial.used));
      partial.buffer = larger;
    }
    partial.buffer.set(bytes.subarray(start, end), partial.used);
    partial.used = used;
    if ((flags & FLAG_LAST) === 0) return undefined;
    if (used !== partial.total)
      throw new ProtocolError(`Cannot read the channel: ${used} of ${partial.total} announced bytes arrived`);
    this.#partial = undefined;
    return partial;
  }

  #dropPartial(): void {
    if (this.#partial === undefined) return;
    this.#partial = undefined;
    this.dropped++;
  }
}
