/**
 * A ring that any number of producers and consumers of the family share, blocking: one lock per side.
 *
 * Runs in every process and thread.
 *
 * ```text
 * byte 0   put lock     byte 64  get lock     byte 128  the ring
 * ```
 *
 * Who may die at which step: see `lock-word.ts` and `ring-memory.ts`. Both locks are taken over from the dead, because
 * what they protect is whole at every moment: a side is committed by one word. Waiting for a message or for
 * room holds nothing, but in the middle of a message: then the lock of that side is held, and its next
 * owner finds a beginning without an end, which it drops.
 */
import { TimeoutError } from '../errors.js';
import { now } from './clock.js';
import { LINE_BYTES } from './layout.js';
import { LockWord } from './lock-word.js';
import { type MessageHandler, RingConsumer } from './ring-consumer.js';
import { RING_HEADER_BYTES } from './ring-memory.js';
import { RingProducer } from './ring-producer.js';

const PUT_LOCK = 0;
const GET_LOCK = LINE_BYTES;
const RING = 2 * LINE_BYTES;
const LOOK_MS = 100;

/** Bytes of zeroed memory that a locked ring of `capacity` bytes needs. */
export function lockedRingBytes(capacity: number): number {
  return RING + RING_HEADER_BYTES + capacity;
}

export class LockedRing {
  readonly #putLock: LockWord;
  readonly #getLock: LockWord;
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;

  constructor(offset: number, capacity: number) {
    this.#putLock = new LockWord(offset + PUT_LOCK);
    this.#getLock = new LockWord(offset + GET_LOCK);
    this.#producer = new RingProducer(offset + RING, capacity);
    this.#consumer = new RingConsumer(offset + RING, capacity);
  }

  /** Messages of which this consumer saw only a part, because somebody died. */
  get dropped(): number {
    return this.#consumer.dropped;
  }

  /**
   * Puts a message, blocking while there is no room.
   *
   * @throws {TimeoutError} If nothing of it could be put in time; once it has begun it is put whole.
   */
  putSync(kind: number, buffer: Uint8Array, start: number, end: number, timeoutMs: number = Number.POSITIVE_INFINITY): void {
    const deadline = now() + timeoutMs;
    this.#putLock.recoverSync(Number.isFinite(timeoutMs) ? timeoutMs : undefined);
    try {
      this.#producer.refresh();
      let sent = -1;
      for (;;) {
        sent = this.#producer.write(kind, buffer, start, end, sent);
        if (sent >= 0) this.#producer.wakeConsumer();
        if (sent === end - start) return;
        if (!this.#producer.sleepForRoom(sent < 0 ? deadline : Number.POSITIVE_INFINITY))
          throw new TimeoutError(`Cannot put: there was no room within ${timeoutMs} ms`);
      }
    } finally {
      this.#putLock.release();
    }
  }

  /** Takes a message, blocking while there is none. @throws {TimeoutError} If none came in time. */
  getSync(handler: MessageHandler, timeoutMs: number = Number.POSITIVE_INFINITY): void {
    const deadline = now() + timeoutMs;
    for (;;) {
      if (!this.#consumer.sleepForRecord(deadline)) throw new TimeoutError(`Cannot get: no message came within ${timeoutMs} ms`);
      this.#getLock.recoverSync();
      try {
        this.#consumer.refresh();
        if (this.#readOne(handler)) return;
      } finally {
        this.#getLock.release();
      }
    }
  }

  /** Reads to the end of one message, as long as somebody is still putting it. */
  #readOne(handler: MessageHandler): boolean {
    for (;;) {
      if (this.#consumer.read(handler, 1) > 0) {
        this.#consumer.wakeProducer();
        return true;
      }
      this.#consumer.wakeProducer();
      if (!this.#consumer.midMessage) return false;
      if (this.#consumer.sleepForRecord(now() + LOOK_MS)) continue;
      // Its producer is alive if it holds the put lock; else nobody will ever send the rest.
      if (!this.#putLock.locked() && !this.#consumer.readable()) return false;
    }
  }
}
