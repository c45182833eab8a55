/**
 * `multiproc/managers`: Python's `multiprocessing.managers`, and mpservice's `server_process`.
 *
 * Runs in every process; importing it starts nothing.
 */
// oxlint-disable-next-line import/no-cycle -- the list of its exports
import * as exported from './index.js';
import { registerOwnExports } from '../wire/own-exports.js';
import { serveManager } from './server.js';

export { BaseManager } from './base-manager.js';
export type { DictInit } from './data-manager.js';
export { getValue, managed } from './managed.js';
export type { Items } from './keys.js';
export type { ManagerOptions, RegisterOptions } from './manager-options.js';
export { MemoryBlock } from './memory-block.js';
export type {
  ArrayProxy,
  AsyncResultProxy,
  BarrierProxy,
  ConditionProxy,
  DictProxy,
  EventProxy,
  ListProxy,
  LockProxy,
  NamespaceMethods,
  NamespaceProxy,
  PoolProxy,
  QueueProxy,
  SemaphoreProxy,
  SetProxy,
  ValueProxy,
} from './proxy-faces.js';
export type { ArgsOf, Creator, MadeBy, Proxy, Registrable, RemoteIterator, SyncProxy } from './proxy-types.js';
export { Server } from './server.js';
export { ServerProcess } from './server-process.js';
export { SharedMemoryManager } from './shared-memory-manager.js';
export { Manager, SyncManager } from './sync-manager.js';

registerOwnExports(exported);
registerOwnExports({ serveManager });
