/**
 * The types that every server knows by name.
 *
 * Runs in servers only.
 */
import { Pool } from '../pool/pool.js';
import { FORM } from '../proxies/protocol.js';
import type { HostedType } from './hosted.js';
import { HostedBarrier, type HostedBarrierOptions } from './hosted-barrier.js';
import { HostedCondition } from './hosted-condition.js';
import { HostedDict } from './hosted-dict.js';
import { HostedList } from './hosted-list.js';
import { HostedLock, type HostedLockOptions, HostedRLock } from './hosted-locks.js';
import { HostedMemory } from './hosted-memory.js';
import { HostedQueue } from './hosted-queue.js';
import { HostedBoundedSemaphore, HostedEvent, HostedSemaphore, type HostedSemaphoreOptions } from './hosted-semaphores.js';
import { HostedSet } from './hosted-set.js';
import { HostedArray, HostedNamespace, HostedValue } from './hosted-values.js';

/** How a type makes its objects. */
export interface Maker extends HostedType {
  readonly make: ((...args: never[]) => unknown) | undefined;
}

/** A type of the library. */
export function builtinType(typeId: string): Maker {
  return TYPES.find((type) => type.typeId === typeId) as Maker;
}

function waiting(typeId: string, form: number, make: (...args: never[]) => object, exposed?: readonly string[]): Maker {
  return { typeId, form, make, takesCall: true, exposed: exposed === undefined ? undefined : new Set(exposed) };
}

function plain(typeId: string, make: (...args: never[]) => object, form: number = FORM.OBJECT): Maker {
  return { typeId, form, make };
}

const OF_LOCKS = ['acquire', 'recover', 'enter', 'leave', 'tryAcquire', 'release', 'locked'];
const OF_SEMAPHORES = ['acquire', 'tryAcquire', 'release', 'getValue', 'locked'];

const TYPES: readonly Maker[] = [
  plain('dict', (entries?: [unknown, unknown][]) => new HostedDict(entries)),
  plain('list', (items?: unknown[]) => new HostedList(items)),
  plain('set', (items?: unknown[]) => new HostedSet(items)),
  plain('Namespace', (attributes?: Record<string, unknown>) => new HostedNamespace(attributes), FORM.NAMESPACE),
  plain('Value', (code: 'd', value?: number) => new HostedValue(code, value)),
  plain('Array', (code: 'd', init: number | number[]) => new HostedArray(code, init)),
  waiting('Lock', FORM.LOCK, (options?: HostedLockOptions) => new HostedLock(options), OF_LOCKS),
  waiting('RLock', FORM.LOCK, (options?: HostedLockOptions) => new HostedRLock(options), OF_LOCKS),
  waiting(
    'Semaphore',
    FORM.PERMITS,
    (value?: number, options?: HostedSemaphoreOptions) => new HostedSemaphore(value, options),
    OF_SEMAPHORES,
  ),
  waiting('BoundedSemaphore', FORM.PERMITS, (value?: number) => new HostedBoundedSemaphore(value), OF_SEMAPHORES),
  waiting('Condition', FORM.CONDITION, (lock?: HostedLock) => new HostedCondition(lock)),
  waiting('Event', FORM.WAITER, () => new HostedEvent()),
  waiting('Barrier', FORM.WAITER, (parties: number, options?: HostedBarrierOptions) => new HostedBarrier(parties, options)),
  waiting('Queue', FORM.QUEUE, (maxSize?: number) => new HostedQueue(maxSize)),
  waiting('JoinableQueue', FORM.QUEUE, (maxSize?: number) => new HostedQueue(maxSize)),
  {
    typeId: 'Pool',
    form: FORM.OBJECT,
    make: (options?: number) => new Pool(options),
    forget: (pool: Pool) => pool.terminate(),
    methodToTypeId: new Map(['applyAsync', 'mapAsync', 'starmapAsync'].map((method) => [method, 'AsyncResult'])),
    familyOnly: true,
  },
  { typeId: 'Memory', form: FORM.OBJECT, make: () => new HostedMemory(), familyOnly: true },
  { typeId: 'AsyncResult', form: FORM.OBJECT, make: undefined, exposed: new Set(['get', 'wait', 'ready', 'successful']) },
];
