/**
 * `SyncManager`: a manager of containers, queues and synchronisation objects.
 *
 * Runs in every process.
 */
import type { PoolOptions } from '../pool/pool-options.js';
import { addBuiltinTypes, DataManager } from './data-manager.js';
import { firstItems } from './first-content.js';
import type { HostedBarrierOptions } from './hosted-barrier.js';
import type { HostedLockOptions } from './hosted-locks.js';
import type { HostedSemaphoreOptions } from './hosted-semaphores.js';
import type { ManagerOptions } from './manager-options.js';
import type {
  BarrierProxy,
  ConditionProxy,
  EventProxy,
  LockProxy,
  PoolProxy,
  QueueProxy,
  SemaphoreProxy,
  SetProxy,
} from './proxy-faces.js';

/**
 * A started manager: `await Manager()`.
 *
 * @python `multiprocessing.Manager`
 */
export async function Manager(options?: ManagerOptions): Promise<SyncManager> {
  return await new SyncManager(options).start();
}

/**
 * A manager whose objects are those that one thread of a program would share with others: dict, list, lock, queue …
 *
 * - Objects that are put into others as proxies stay shared, at every depth; everything else is copied.
 *
 * @example
 * await using manager = await Manager();
 * const scores = await manager.dict<string, number>();
 * await scores.update('ann', (score = 0) => score + 1);
 *
 * @python `multiprocessing.managers.SyncManager`
 */
export class SyncManager extends DataManager {
  async set<T = unknown>(items: Iterable<T> = []): Promise<SetProxy<T>> {
    return this.create('set', firstItems(items, 'a set')) as Promise<SetProxy<T>>;
  }

  Lock(options?: HostedLockOptions): Promise<LockProxy> {
    return this.create('Lock', options) as Promise<LockProxy>;
  }

  RLock(options?: HostedLockOptions): Promise<LockProxy> {
    return this.create('RLock', options) as Promise<LockProxy>;
  }

  Semaphore(value = 1, options?: HostedSemaphoreOptions): Promise<SemaphoreProxy> {
    return this.create('Semaphore', value, options) as Promise<SemaphoreProxy>;
  }

  BoundedSemaphore(value = 1): Promise<SemaphoreProxy> {
    return this.create('BoundedSemaphore', value) as Promise<SemaphoreProxy>;
  }

  /** @param lock A lock of this manager. Default a new RLock. */
  Condition(lock?: LockProxy): Promise<ConditionProxy> {
    return this.create('Condition', lock) as Promise<ConditionProxy>;
  }

  Event(): Promise<EventProxy> {
    return this.create('Event') as Promise<EventProxy>;
  }

  Barrier(parties: number, options?: HostedBarrierOptions): Promise<BarrierProxy> {
    return this.create('Barrier', parties, options) as Promise<BarrierProxy>;
  }

  Queue<T = unknown>(maxSize = 0): Promise<QueueProxy<T>> {
    return this.create('Queue', maxSize) as Promise<QueueProxy<T>>;
  }

  JoinableQueue<T = unknown>(maxSize = 0): Promise<QueueProxy<T>> {
    return this.create('JoinableQueue', maxSize) as Promise<QueueProxy<T>>;
  }

  Pool(options?: number | PoolOptions): Promise<PoolProxy> {
    return this.create('Pool', options) as Promise<PoolProxy>;
  }
}

const TYPES = 'set Lock RLock Semaphore BoundedSemaphore Condition Event Barrier Queue JoinableQueue Pool AsyncResult';
addBuiltinTypes(SyncManager, TYPES.split(' '));
