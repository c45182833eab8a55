/**
 * `ThreadPool`: worker threads with the methods of `Pool`.
 *
 * Runs in the thread that has the pool. The same face of the same engine.
 */
import { threadWorkers } from '../workers/thread-workers.js';
import type { WorkerKind } from '../workers/worker-kind.js';
import { Pool } from './pool.js';
import type { PoolOptions } from './pool-options.js';

/**
 * Worker threads, all started at once, and replaced when they end.
 *
 * @example
 * const pool = new ThreadPool(4);
 * console.log(await pool.map((x: number) => x ** 2, [1, 2, 3])); // [1, 4, 9]
 * await pool.terminate();
 *
 * @python `multiprocessing.pool.ThreadPool`
 */
export class ThreadPool extends Pool {
  protected static override workersOf(options: PoolOptions): WorkerKind {
    return threadWorkers('create a ThreadPool', options);
  }
}
