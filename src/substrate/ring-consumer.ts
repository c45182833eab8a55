/**
 * The reading end of a byte ring.
 *
 * Runs in every process and thread that receives. What lies where, and who may die at which step: `ring-memory.ts`.
 */
import { ProtocolError } from '../errors.js';
import { faultPoint } from './fault.js';
import { RingChunks } from './ring-chunks.js';
import {
  CLOSED,
  CLOSED_BY_CONSUMER,
  CONSUMER_SEQUENCE,
  CONSUMER_WAITS,
  FLAG_PAD,
  HEAD,
  PRODUCER_SEQUENCE,
  PRODUCER_WAITS,
  RECORD_HEADER_BYTES,
  RingMemory,
  TAIL,
  WHOLE,
} from './ring-memory.js';

/** Takes one message: `buffer[start..end)` is only valid during the call, unless it is `owned`: then the buffer is the message's alone. */
export type MessageHandler = (kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean) => void;

/** The reading end. */
export class RingConsumer {
  readonly #ring: RingMemory;
  readonly #chunks: RingChunks;
  #head: number;

  constructor(offset: number, capacity: number, maxMessage: number = Number.MAX_SAFE_INTEGER) {
    this.#ring = new RingMemory(offset, capacity);
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
    this.#chunks = new RingChunks(maxMessage);
  }

  /** See `RingProducer.refresh`; forgets the beginning of a message that another consumer may have gone on with. */
  refresh(): void {
    this.#chunks.drop();
    this.#head = Atomics.load(this.#ring.words, HEAD) >>> 0;
  }

  /** Whether a record waits. */
  readable(): boolean {
    return Atomics.load(this.#ring.words, TAIL) !== Atomics.load(this.#ring.words, HEAD);
  }

  /** Whether a message has begun to arrive. */
  get midMessage(): boolean {
    return this.#chunks.midMessage;
  }

  /** Messages begun and never finished, because their producer or a consumer died. */
  get dropped(): number {
    return this.#chunks.dropped;
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
      if (length < 0 || length > mask || at + size > mask + 1 || size > unread || unread > mask + 1) {
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
      this.#chunks.drop();
      handler(word >>> 8, bytes, start, start + length, false);
      return true;
    }
    const whole = this.#chunks.collect(word >>> 8, word, bytes, start, start + length);
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
}
