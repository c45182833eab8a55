/**
 * `Executor`: what all executors have in common.
 *
 * Runs in the process that submits.
 */
import type { Future } from './future.js';

/** Options of single tasks, see `Executor.options()`. */
export interface TaskOptions {
  /** Milliseconds from the start of the task; it is killed then. */
  readonly taskTimeout?: number | undefined;
  /** An abort cancels the task, also while it runs. */
  readonly signal?: AbortSignal | undefined;
  /** Higher first; default 0. */
  readonly priority?: number | undefined;
  /** How often the task may run again after its worker's death; default 0. */
  readonly retries?: number | undefined;
}

/** Options of `map`. */
export interface MapOptions {
  /** Items per task; default 1. */
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

/** The arguments of each call of a function over several iterables. */
export type Iterables<A extends readonly unknown[]> = { [K in keyof A]: AnyIterable<A[K]> };

/** Runs functions somewhere else. @python `concurrent.futures.Executor` */
export abstract class Executor implements AsyncDisposable {
  /** Runs `new task(...args)`. */
  abstract submit<A extends unknown[], R>(task: new (...args: A) => R, ...args: A): Future<R>;
  /** Runs `fn(...args)`. */
  abstract submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Future<Awaited<R>>;
  /** Runs `fn` over the items of the iterables, in step; the results in input order. */
  abstract map<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...iterables: [...Iterables<A>, MapOptions]
  ): AsyncIterableIterator<Awaited<R>>;
  abstract map<A extends unknown[], R>(fn: (...args: A) => R, ...iterables: Iterables<A>): AsyncIterableIterator<Awaited<R>>;
  /** The same executor with these options for each task. */
  abstract options(options: TaskOptions): Pick<this, 'submit' | 'map'>;
  /** Takes no more tasks; with `wait` resolves when all are done and everything is released. */
  abstract shutdown(options?: { wait?: boolean; cancelFutures?: boolean }): Promise<void>;

  /** Waits for the tasks, as Python's `with`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
