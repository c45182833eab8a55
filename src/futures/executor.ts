/**
 * `Executor`: what all executors have in common.
 *
 * Runs in the process that submits.
 */
import type { AnyIterable, MapOptions, TaskOptions } from '../workers/task-options.js';
import type { Future } from './future.js';

export type { AnyIterable, MapOptions, TaskOptions };

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
