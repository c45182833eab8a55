/**
 * `SyncManager`: a manager of containers, queues and synchronisation objects.
 *
 * Runs in every process.
 */
import type { ElementOf, TypeCode } from '../memory/type-codes.js';
import type { PoolOptions } from '../pool/pool-options.js';
import { BaseManager } from './base-manager.js';
import type { HostedBarrierOptions } from './hosted-barrier.js';
import type { HostedLockOptions } from './hosted-locks.js';
import type { HostedSemaphoreOptions } from './hosted-semaphores.js';
import type { ManagerOptions } from './manager-options.js';
import type {
  ArrayProxy,
  BarrierProxy,
  ConditionProxy,
  DictProxy,
  EventProxy,
  ListProxy,
  LockProxy,
  NamespaceProxy,
  PoolProxy,
  QueueProxy,
  SemaphoreProxy,
  SetProxy,
  ValueProxy,
} from './proxy-faces.js';
import { addType } from './registry.js';

/** What a dict can begin with. */
export type DictInit<K, V> = Iterable<readonly [K, V]> | Readonly<Record<string, V>>;

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
export class SyncManager extends BaseManager {
  dict<K = unknown, V = unknown>(init: DictInit<K, V> = []): Promise<DictProxy<K, V>> {
    return this.create('dict', Symbol.iterator in init ? [...init] : Object.entries(init)) as Promise<DictProxy<K, V>>;
  }

  list<T = unknown>(items: Iterable<T> = []): Promise<ListProxy<T>> {
    return this.create('list', [...items]) as Promise<ListProxy<T>>;
  }

  set<T = unknown>(items: Iterable<T> = []): Promise<SetProxy<T>> {
    return this.create('set', [...items]) as Promise<SetProxy<T>>;
  }

  Namespace<A extends object = Record<string, unknown>>(attributes?: A): Promise<NamespaceProxy<A>> {
    return this.create('Namespace', { ...attributes }) as Promise<NamespaceProxy<A>>;
  }

  Value<C extends TypeCode | 'bool' | 'json'>(code: C, value?: ElementOf<C>): Promise<ValueProxy<C>> {
    return this.create('Value', code, value) as Promise<ValueProxy<C>>;
  }

  Array<C extends TypeCode>(code: C, init: number | Iterable<ElementOf<C>>): Promise<ArrayProxy<C>> {
    return this.create('Array', code, typeof init === 'number' ? init : [...init]) as Promise<ArrayProxy<C>>;
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

const TYPES =
  'dict list set Namespace Value Array Lock RLock Semaphore BoundedSemaphore Condition Event Barrier Queue JoinableQueue Pool AsyncResult';
for (const typeId of TYPES.split(' ')) addType(SyncManager, { typeId, callable: undefined, isBuiltin: true });
