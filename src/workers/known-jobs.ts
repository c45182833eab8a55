/**
 * The functions that a worker knows by number.
 *
 * Runs in workers only.
 */
import { callable } from '../process/callable.js';
import { decodeValue } from '../wire/codec.js';
import { readU32, SEQUENCE_BYTES } from './worker-frames.js';

export type Callable = (...args: unknown[]) => unknown;

/** Bytes until its first use, so that what is wrong with it belongs to a task. */
interface KnownJob {
  bytes: Uint8Array | undefined;
  call: Callable | undefined;
}

export class KnownJobs {
  readonly #jobs = new Map<number, KnownJob>();

  /** Takes what a JOB frame says. */
  learn(buffer: Uint8Array, start: number, end: number): void {
    this.#jobs.set(readU32(buffer, start), { bytes: buffer.slice(start + SEQUENCE_BYTES, end), call: undefined });
  }

  /** Takes what a FORGET frame says. */
  forget(buffer: Uint8Array, start: number): void {
    this.#jobs.delete(readU32(buffer, start));
  }

  /** The function. @throws {DeserializationError} If it cannot be read. */
  get(number: number): Callable {
    const job = this.#jobs.get(number);
    if (job === undefined) throw new Error(`worker has no job ${number}`);
    if (job.call === undefined) {
      const bytes = job.bytes as Uint8Array;
      job.call = callable(decodeValue(bytes, 0, bytes.length));
      job.bytes = undefined;
    }
    return job.call;
  }
}
