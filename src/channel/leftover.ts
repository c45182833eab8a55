/**
 * Bytes that were read from a socket before it was sent to another process, and not used: they go along in shared memory.
 *
 * Runs in every process and thread.
 *
 * ```text
 * word 0   where they lie, in lines of 64 bytes; 0: there are none
 *      1   how many they are            2   how many of them were read
 * ```
 */
import { ResourceExhaustedError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { self } from '../substrate/self.js';

const PLACE = 0;
const BYTES = 1;
const READ = 2;
const LEFTOVER_WORDS = 3;

export class Leftover {
  readonly #words: Int32Array;

  /** @param words Begins where the three words are. */
  constructor(words: Int32Array) {
    this.#words = words.subarray(0, LEFTOVER_WORDS);
  }

  /** How many are left. */
  get size(): number {
    return (Atomics.load(this.#words, BYTES) - Atomics.load(this.#words, READ)) >>> 0;
  }

  /** Puts them there, once. @throws {ResourceExhaustedError} If there is no memory for them. */
  put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (bytes.length > MOST_BYTES)
      throw new ResourceExhaustedError(`Cannot send a connection: ${bytes.length} bytes of it were read and not received yet`, {
        code: 'ENOMEM',
        errno: 12,
        syscall: 'put',
      });
    const { offset } = self().allocator.allocate(bytes.length);
    new Uint8Array(arena().buffer(offset, bytes.length)).set(bytes);
    Atomics.store(this.#words, PLACE, offset / LINE_BYTES);
    Atomics.store(this.#words, BYTES, bytes.length);
  }

  /** Reads the next ones; only one process at a time. */
  read(into: Uint8Array, offset: number, length: number): number {
    const from = Atomics.load(this.#words, READ) >>> 0;
    const count = Math.min(length, this.size);
    if (count === 0) return 0;
    into.set(new Uint8Array(arena().buffer(this.#place + from, count)), offset);
    Atomics.add(this.#words, READ, count);
    return count;
  }

  /** Takes them all; who comes second gets none. */
  take(): Uint8Array {
    const count = Atomics.load(this.#words, BYTES) >>> 0;
    if (count === 0 || Atomics.compareExchange(this.#words, READ, 0, count | 0) !== 0) return new Uint8Array(0);
    return new Uint8Array(arena().buffer(this.#place, count)).slice();
  }

  free(): void {
    const bytes = Atomics.load(this.#words, BYTES) >>> 0;
    if (bytes > 0) self().allocator.free({ offset: this.#place, bytes });
  }

  get #place(): number {
    return (Atomics.load(this.#words, PLACE) >>> 0) * LINE_BYTES;
  }
}

const MOST_BYTES = 2 ** 31 - 1;
