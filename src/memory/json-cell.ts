/**
 * A JSON value in shared memory that is replaced as a whole.
 *
 * Runs in every process and thread.
 *
 * ```text
 * byte 0     lock word of writers
 * byte 64    word 0: how often it was written; words 1, 2: bytes in the first and the second half
 * byte 128   two halves
 * ```
 *
 * The half that counts is told by the lowest bit of word 0. A writer fills the other half, then counts up: who dies
 * before has changed nothing, and the next writer takes the lock all the same. A reader copies the half that counts and
 * reads again if somebody counted up meanwhile; it waits for nobody.
 */
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';
import { LockWord } from '../substrate/lock-word.js';
import type { SharedPiece } from '../substrate/shared-piece.js';

const WORDS_AT = 64;
const HALVES_AT = 128;
const LEAST_HALF_BYTES = 4096;

/** Bytes of the body for a first value: it may become twice as long, at least 4096 bytes. */
export function jsonBodyBytes(first: Uint8Array): number {
  const half = Math.max(LEAST_HALF_BYTES, Math.ceil((first.length * 2) / 64) * 64);
  return HALVES_AT + half * 2;
}

/** The text of a JSON value. @throws {TypeError} If it is none. */
export function jsonBytes(value: unknown): Uint8Array {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`Cannot set the value: it has no JSON, received ${typeof value}`);
  return Buffer.from(text);
}

export class JsonCell {
  readonly #lock: LockWord;
  readonly #words: Int32Array;
  readonly #halves: Uint8Array;

  constructor(piece: SharedPiece) {
    this.#lock = new LockWord(piece.body);
    this.#words = arena().words(piece.body + WORDS_AT, 64);
    this.#halves = new Uint8Array(arena().buffer(piece.body + HALVES_AT, piece.bytes - HALVES_AT));
  }

  /** The text that counts. */
  read(): Uint8Array {
    for (;;) {
      const count = Atomics.load(this.#words, 0);
      const half = count & 1;
      const start = half * this.#halfBytes;
      const copy = this.#halves.slice(start, start + Atomics.load(this.#words, 1 + half));
      // Not a mere load: on some processors the copy could be read after that.
      if (Atomics.compareExchange(this.#words, 0, count, count) === count) return copy;
    }
  }

  /** @throws {RangeError} If it is too long. */
  write(text: Uint8Array): void {
    if (text.length > this.#halfBytes)
      throw new RangeError(
        `Cannot set the value: there is room for ${this.#halfBytes} bytes of JSON, received ${text.length} bytes`,
      );
    this.#lock.recoverSync();
    try {
      const next = (Atomics.load(this.#words, 0) + 1) | 0;
      this.#halves.set(text, (next & 1) * this.#halfBytes);
      Atomics.store(this.#words, 1 + (next & 1), text.length);
      faultPoint('json.beforeCount');
      Atomics.store(this.#words, 0, next);
      faultPoint('json.afterCount');
    } finally {
      this.#lock.release();
    }
  }

  /** Lets go of the lock word. */
  close(): boolean {
    this.#lock.close();
    return true;
  }

  get #halfBytes(): number {
    return this.#halves.length / 2;
  }
}
