/**
 * `multiproc/futures`: Python's `concurrent.futures`.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './index.js';
import { registerOwnExports } from '../wire/own-exports.js';

export {
  BrokenExecutorError,
  BrokenProcessPoolError,
  BrokenThreadPoolError,
  CancelledError,
  InvalidStateError,
  TimeoutError,
} from '../errors.js';
export { asCompleted, type CompletedItems } from './as-completed.js';
export type { Completable } from './completion.js';
export { type AnyIterable, Executor, type Iterables, type MapOptions, type TaskOptions } from './executor.js';
export { Future } from './future.js';
export type { ProcessPoolExecutorOptions } from './executor-options.js';
export { ProcessPoolExecutor } from './process-pool-executor.js';
export { ThreadPoolExecutor, type ThreadPoolExecutorOptions } from './thread-pool-executor.js';
export { carry } from '../workers/carried-values.js';
export { type CurrentTask, currentTask } from '../workers/current-task.js';
export type { PoolStats, Times } from '../workers/statistics.js';
export { wait, type Waited, type WaitOptions } from './wait.js';

registerOwnExports(exported);
