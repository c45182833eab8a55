/**
 * `ProcessPoolExecutor`: runs ordinary functions in worker processes.
 *
 * Runs in the process that submits.
 */
import { processWorkers } from '../workers/worker-kind.js';
import type { ProcessPoolExecutorOptions } from './executor-options.js';
import { PoolExecutor } from './pool-executor.js';

/**
 * Runs functions in worker processes, which start with the first tasks.
 *
 * - Every future settles, whatever dies.
 * - What cannot be sent fails its own task only.
 * - An idle executor does not keep the program alive; pending tasks do.
 *
 * @example
 * const executor = new ProcessPoolExecutor();
 * console.log(await executor.submit((x: number) => x ** 2, 12)); // 144
 * await executor.shutdown();
 *
 * @python `concurrent.futures.ProcessPoolExecutor`
 */
export class ProcessPoolExecutor extends PoolExecutor {
  /** @throws {TypeError|RangeError} If an option has the wrong type or range. */
  constructor(options: ProcessPoolExecutorOptions = {}) {
    super(options, () => processWorkers('create a ProcessPoolExecutor', options.context));
  }
}
