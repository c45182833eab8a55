/**
 * The entry point `multiproc/threads`: threads with the face of processes.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './threads-index.js';
import { registerOwnExports } from './wire/own-exports.js';

export { ThreadPoolExecutor, type ThreadPoolExecutorOptions } from './futures/thread-pool-executor.js';
export { ThreadPool } from './pool/thread-pool.js';
export { Thread, type ThreadOptions } from './threads/thread.js';

registerOwnExports(exported);
