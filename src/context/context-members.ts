/**
 * What every context has as it is: what does not depend on the start method. Objects of these classes may be shared
 * with the children of any context.
 *
 * Runs in every process.
 */
export { BufferTooShortError, ProcessError, TimeoutError, AuthenticationError } from '../errors.js';
export { Client, ClientSync } from '../channel/client.js';
export { Connection } from '../channel/connection.js';
export { JoinableQueue } from '../channel/joinable-queue.js';
export { Listener } from '../channel/listener.js';
export { Pipe } from '../channel/pipe.js';
export { Queue } from '../channel/queue.js';
export { SimpleQueue } from '../channel/simple-queue.js';
export { waitReady } from '../channel/wait-ready.js';
export { asCompleted } from '../futures/as-completed.js';
export { Executor } from '../futures/executor.js';
export { Future } from '../futures/future.js';
export { ThreadPoolExecutor } from '../futures/thread-pool-executor.js';
export { wait } from '../futures/wait.js';
export { getLogger, logToStderr } from '../logging/own-logger.js';
export * from '../memory/index.js';
export { AsyncResult } from '../pool/async-result.js';
export { ThreadPool } from '../pool/thread-pool.js';
export { activeChildren } from '../process/active-children.js';
export { cpuCount } from '../process/cpu-count.js';
export { currentProcess } from '../process/current-process.js';
export { setExecutable } from '../process/launcher.js';
export { parentProcess } from '../process/parent-process.js';
export { Barrier } from '../sync/barrier.js';
export { Condition } from '../sync/condition.js';
export { Event } from '../sync/event.js';
export { Lock } from '../sync/lock.js';
export { RLock } from '../sync/rlock.js';
export { BoundedSemaphore, Semaphore } from '../sync/semaphore.js';
export { Thread } from '../threads/thread.js';
