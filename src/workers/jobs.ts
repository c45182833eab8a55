/**
 * Functions as the engine names them to its workers: shipped once per worker, a number afterwards.
 *
 * Runs in the parent.
 */
import type { Encoded } from '../wire/codec-types.js';
import { encodeFunction, type EncodedFunction } from '../wire/function-extension.js';

/** A function that workers know by number. */
export interface Job {
  readonly id: number;
  readonly encoded: Encoded;
}

/** The jobs of one engine. */
export class Jobs {
  readonly #stable = new WeakMap<EncodedFunction, Job>();
  #count = 0;

  /**
   * The lasting job of a function that captures nothing; undefined for any other: its captured values are read
   * anew at each submit.
   *
   * @throws {SerializationError} If it cannot be sent.
   */
  lasting(fn: unknown): Job | undefined {
    const encodedFunction = encodeFunction(fn);
    if (!encodedFunction.stable) return undefined;
    let job = this.#stable.get(encodedFunction);
    if (job === undefined) {
      job = { id: ++this.#count, encoded: encodedFunction.encoded };
      this.#stable.set(encodedFunction, job);
    }
    return job;
  }

  /** A job for one call of `map`, with its captured values as they are now. `temporary`: to be forgotten afterwards. */
  forMap(fn: unknown): { job: Job; temporary: boolean } {
    const lasting = this.lasting(fn);
    if (lasting !== undefined) return { job: lasting, temporary: false };
    return { job: { id: ++this.#count, encoded: encodeFunction(fn).encoded }, temporary: true };
  }
}
