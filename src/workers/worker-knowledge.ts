/**
 * What one worker has been told so far: jobs and definitions are sent to it once.
 *
 * Runs in the parent.
 */
import type { Definition, Encoded } from '../wire/codec-types.js';
import type { Job } from './jobs.js';
import type { Task } from './task.js';
import type { WorkerChild } from './worker-life.js';
import { FORGET, JOB, SEQUENCE_BYTES, writeU32 } from './worker-frames.js';

export class WorkerKnowledge {
  readonly #child: WorkerChild;
  readonly #jobs = new Set<number>();
  readonly #definitions = new Set<number>();

  constructor(child: WorkerChild) {
    this.#child = child;
  }

  /** Whether it lacks something that the task needs and that runs user code while it is loaded. */
  lacks({ job, encoded, context }: Task): boolean {
    if (job !== undefined && !this.#jobs.has(job.id) && !this.#hasLoaded(job.encoded.definitions)) return true;
    return !this.#hasLoaded(encoded.definitions) || (context !== undefined && !this.#hasLoaded(context.definitions));
  }

  /** Sends what the task needs and the worker does not have. */
  complete({ job, encoded }: Task): void {
    if (job !== undefined) this.#introduce(job);
    this.ship(encoded.definitions);
  }

  ship(definitions: readonly Definition[]): void {
    for (const { id } of definitions) this.#definitions.add(id);
    this.#child.ship(definitions);
  }

  /** Lets it forget a job. */
  forget(job: Job): void {
    if (!this.#jobs.delete(job.id)) return;
    const message = new Uint8Array(SEQUENCE_BYTES);
    writeU32(message, 0, job.id);
    this.#child.sendBytes(FORGET, message, 0, message.length);
  }

  #introduce(job: Job): void {
    if (this.#jobs.has(job.id)) return;
    this.#jobs.add(job.id);
    this.ship(job.encoded.definitions);
    const message = numbered(job.id, job.encoded);
    this.#child.sendBytes(JOB, message, 0, message.length);
  }

  #hasLoaded(definitions: readonly Definition[]): boolean {
    for (const { id, loads } of definitions) if (loads && !this.#definitions.has(id)) return false;
    return true;
  }
}

/** A message behind a number, in bytes of its own. */
export function numbered(number: number, { buffer, start, end }: Encoded): Uint8Array {
  const message = new Uint8Array(SEQUENCE_BYTES + end - start);
  writeU32(message, 0, number);
  message.set(buffer.subarray(start, end), SEQUENCE_BYTES);
  return message;
}
