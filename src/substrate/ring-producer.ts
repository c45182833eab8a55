/**
 * The writing end of a byte ring.
 *
 * Runs in every process and thread that sends. What lies where, and who may die at which step: `ring-memory.ts`.
 */
import { ChannelClosedError } from '../errors.js';
import { faultPoint } from './fault.js';
import {
  CLOSED,
  CLOSED_BY_PRODUCER,
  CONSUMER_SEQUENCE,
  CONSUMER_WAITS,
  FLAG_FIRST,
  FLAG_LAST,
  FLAG_PAD,
  HEAD,
  LENGTH_BYTES,
  PRODUCER_SEQUENCE,
  PRODUCER_WAITS,
  RECORD_HEADER_BYTES,
  RingMemory,
  TAIL,
  WHOLE,
} from './ring-memory.js';

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
