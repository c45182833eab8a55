/**
 * Functions as the engine names them to its workers: shipped once per worker, a number afterwards.
 *
 * Runs in the parent.
 */
import type { Encoded } from '../wire/codec-types.js';
import type { EncodeOptions } from '../wire/codec.js';
import { encodeFunction, type EncodedFunction, encodeTask } from '../wire/function-extension.js';

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
   * One call of a function: its lasting job and the encoded arguments, if it captures nothing; else no job, and the
   * message has the function with its captured values as they are now.
   *
   * @throws {SerializationError} If it cannot be sent.
   */
  forCall(fn: object, args: readonly unknown[], options: EncodeOptions): { job: Job | undefined; encoded: Encoded } {
    const { fn: stable, encoded } = encodeTask(fn, args, options);
    return { job: stable === undefined ? undefined : this.#lasting(stable), encoded };
  }

  /** A job for one call of `map`, with its captured values as they are now. `temporary`: to be forgotten afterwards. */
  forMap(fn: unknown): { job: Job; temporary: boolean } {
    const encodedFunction = encodeFunction(fn);
    if (encodedFunction.stable) return { job: this.#lasting(encodedFunction), temporary: false };
    return { job: { id: ++this.#count, encoded: encodedFunction.encoded }, temporary: true };
  }

  #lasting(encodedFunction: EncodedFunction): Job {
    let job = this.#stable.get(encodedFunction);
    if (job === undefined) {
      job = { id: ++this.#count, encoded: encodedFunction.encoded };
      this.#stable.set(encodedFunction, job);
    }
    return job;
  }
}
