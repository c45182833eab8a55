/**
 * `ThreadPoolExecutor`: runs ordinary functions in worker threads.
 *
 * Runs in the thread that submits. The same face of the same engine as `ProcessPoolExecutor`.
 */
import { threadWorkers } from '../workers/thread-workers.js';
import type { ProcessPoolExecutorOptions } from './executor-options.js';
import { PoolExecutor } from './pool-executor.js';

export type ThreadPoolExecutorOptions = ProcessPoolExecutorOptions;

/**
 * Runs functions in worker threads, which start with the first tasks.
 *
 * - Every future settles, also when a task ends its thread.
 * - Values are copied as between processes; shared objects are shared.
 * - An idle executor does not keep the program alive; pending tasks do.
 *
 * @example
 * const executor = new ThreadPoolExecutor();
 * console.log(await executor.submit((x: number) => x ** 2, 12)); // 144
 * await executor.shutdown();
 *
 * @python `concurrent.futures.ThreadPoolExecutor`; tasks run in parallel, and share what is made to be shared only.
 */
export class ThreadPoolExecutor extends PoolExecutor {
  /** @throws {TypeError|RangeError} If an option has the wrong type or range. */
  constructor(options: ThreadPoolExecutorOptions = {}) {
    super(options, () => threadWorkers('create a ThreadPoolExecutor', options));
  }
}
