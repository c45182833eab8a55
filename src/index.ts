/**
 * Everything public, in one place: `import * as mp from 'multiproc'` reads like Python's multiprocessing.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './index.js';
import { registerOwnExports } from './wire/own-exports.js';

export * from './errors.js';
export type { Address } from './channel/address.js';
export { Client, type ClientOptions, ClientSync } from './channel/client.js';
export { Connection } from './channel/connection.js';
export type { TlsOptions } from './channel/connection-options.js';
export { JoinableQueue } from './channel/joinable-queue.js';
export { Listener, type ListenerOptions, type ListenerStats } from './channel/listener.js';
export { Pipe } from './channel/pipe.js';
export { Queue, type QueueOptions } from './channel/queue.js';
export type { QueueStats } from './channel/queue-core.js';
export { SimpleQueue } from './channel/simple-queue.js';
export { type Ready, waitReady } from './channel/wait-ready.js';
export { type Context, ForkServerContext, getContext, SpawnContext } from './context/context.js';
export * from './futures/index.js';
export type { LogLevel } from './logging/levels.js';
export { getLogger, logToStderr, type OwnLogger } from './logging/own-logger.js';
export * from './manager/index.js';
export * from './memory/index.js';
export { type AsyncCallbacks, AsyncResult } from './pool/async-result.js';
export { Pool } from './pool/pool.js';
export type { PoolOptions } from './pool/pool-options.js';
export { activeChildren } from './process/active-children.js';
export { cpuCount } from './process/cpu-count.js';
export { currentProcess } from './process/current-process.js';
export { ForkServerProcess } from './process/forkserver-process.js';
export { setForkserverPreload } from './process/forkserver-preload.js';
export { setExecutable } from './process/launcher.js';
export { type ParentProcess, parentProcess } from './process/parent-process.js';
export { Process, type ProcessOptions } from './process/process.js';
export { Finalize, type FinalizeOptions } from './process/finalize.js';
export type { ResourceLimits } from './process/resource-limits.js';
export { SpawnProcess } from './process/spawn-process.js';
export {
  type ContextOption,
  getAllStartMethods,
  getStartMethod,
  setStartMethod,
  type StartMethod,
} from './process/start-method.js';
export type { Waitable } from './channel/waitable.js';
export type { Wait } from './substrate/wait-limit.js';
export { Barrier, type BarrierOptions } from './sync/barrier.js';
export { Condition } from './sync/condition.js';
export { Event } from './sync/event.js';
export { Lock } from './sync/lock.js';
export type { LockOptions } from './sync/lock-core.js';
export { RLock } from './sync/rlock.js';
export { BoundedSemaphore, Semaphore, type SemaphoreOptions } from './sync/semaphore.js';
export { ThreadPool } from './pool/thread-pool.js';
export { Thread, type ThreadOptions } from './threads/thread.js';
export { deserialize, type SerializableClass, serialize } from './wire/class-hooks.js';
export { type Remote, remote } from './wire/remote.js';
export { task } from './wire/task.js';

registerOwnExports(exported);
