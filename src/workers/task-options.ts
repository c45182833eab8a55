/**
 * The options of tasks and maps, as executors and pools take them.
 *
 * Types only.
 */

/** Options of single tasks, see `Executor.options()`. */
export interface TaskOptions {
  /** Milliseconds from the start of the task; it is killed then. */
  readonly taskTimeout?: number | undefined;
  /** An abort cancels the task, also while it runs. */
  readonly signal?: AbortSignal | undefined;
  /** Higher first; default 0. */
  readonly priority?: number | undefined;
  /** A W3C `traceparent` that the task finds in `currentTask().traceparent`. */
  readonly traceparent?: string | undefined;
  /** How often the task may run again after its worker's death; default 0. */
  readonly retries?: number | undefined;
}

/** Options of `map`. */
export interface MapOptions {
  /** Items per task; default 1, of `Pool.map` and `Pool.starmap`: the items / (4 × workers), rounded up. */
  readonly chunkSize?: number | undefined;
  /** Milliseconds for the whole call. */
  readonly timeout?: number | undefined;
  /** Milliseconds for each item, from its start; kills. The items then travel one by one. */
  readonly taskTimeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Chunks submitted and not yet consumed; default 4 × workers. */
  readonly bufferSize?: number | undefined;
  /** Told after each chunk; `total` where the length is known. */
  onProgress?(done: number, total: number | undefined): void;
}

/** Something that may be iterated synchronously or asynchronously. */
export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;
