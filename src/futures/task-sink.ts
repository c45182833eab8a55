/**
 * Settles a future with what the engine says of its task.
 *
 * Runs in the parent. Nothing that arrives can throw outside the one future it belongs to.
 */
import { CancelledError } from '../errors.js';
import { decodeValue } from '../wire/codec.js';
import { decodeFailure } from '../wire/remote-error.js';
import type { WorkerEngine } from '../workers/engine.js';
import type { Task, TaskSink } from '../workers/task.js';
import { onAbort } from '../workers/abort-listeners.js';
import { Future, type FutureSource } from './future.js';

/** A future together with the task that settles it. */
export class TaskFuture<T> implements TaskSink, FutureSource {
  readonly future: Future<T> = new Future<T>(this);
  readonly #engine: WorkerEngine;
  #task: Task | undefined;
  #unlisten: (() => void) | undefined;

  constructor(engine: WorkerEngine) {
    this.#engine = engine;
  }

  /** Submits its task; `signal` cancels it whatever it does. */
  submit(task: Task, signal: AbortSignal | undefined): Future<T> {
    this.#task = task;
    this.#engine.submit(task);
    if (signal !== undefined) this.#listen(signal, task);
    return this.future;
  }

  running(): boolean {
    return this.#task !== undefined && this.#engine.hasBegun(this.#task);
  }

  cancel(): boolean {
    return (
      this.#task !== undefined && this.#engine.cancel(this.#task, new CancelledError('The task was cancelled before it began'))
    );
  }

  succeed(buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    this.#unlisten?.();
    let value: T;
    try {
      value = decodeValue(buffer, start, end, { owned, inFlight: true }) as T;
    } catch (error) {
      this.future.setException(error);
      return;
    }
    this.future.setResult(value);
  }

  progress(buffer: Uint8Array, start: number, end: number): void {
    try {
      this.future.reportProgress(decodeValue(buffer, start, end));
    } catch (error) {
      process.emitWarning(`The progress of a task could not be read: ${String(error)}`, { type: 'MultiprocWarning' });
    }
  }

  failEncoded(buffer: Uint8Array, start: number, end: number): void {
    let error: unknown;
    try {
      error = decodeFailure(buffer, start, end);
    } catch (undecodable) {
      error = undecodable;
    }
    this.#unlisten?.();
    this.future.setException(error);
  }

  fail(error: unknown): void {
    this.#unlisten?.();
    if (error instanceof CancelledError) this.future.setCancelled(error);
    else this.future.setException(error);
  }

  #listen(signal: AbortSignal, task: Task): void {
    this.#unlisten = onAbort(signal, () =>
      this.#engine.abort(task, new CancelledError('The task was cancelled by its signal', { cause: signal.reason })),
    );
  }
}
