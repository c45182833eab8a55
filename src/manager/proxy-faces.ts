/**
 * Types of the proxies of SyncManager's types.
 *
 * Runs nowhere.
 */
import type { AsyncResult } from '../pool/async-result.js';
import type { Pool } from '../pool/pool.js';
import type { ElementOf, TypeCode } from '../memory/type-codes.js';
import type { Wait } from '../substrate/wait-limit.js';
import type { HostedDict } from './hosted-dict.js';
import type { HostedList } from './hosted-list.js';
import type { HostedSet } from './hosted-set.js';
import type { HostedArray, HostedValue } from './hosted-values.js';
import type { Items } from './keys.js';
import type { Proxy, SyncProxy } from './proxy-types.js';

/** A Map in a manager. */
export type DictProxy<K = unknown, V = unknown> = Omit<Proxy<HostedDict<K, V>>, 'update' | 'sync'> & {
  /** Sets what `f` makes of the value in the server, with nothing between, and gives that. */
  update(key: K, f: (value: V | undefined) => V): Promise<V>;
  /** Sets all entries. */
  update(entries: Items<readonly [K, V]>): Promise<void>;
  readonly sync: Omit<SyncProxy<HostedDict<K, V>>, 'update'> & {
    update(key: K, f: (value: V | undefined) => V): V;
    update(entries: Items<readonly [K, V]>): void;
  };
};

/** An Array in a manager. */
export type ListProxy<T = unknown> = Omit<Proxy<HostedList<T>>, 'map' | 'flatMap' | 'reduce' | 'reduceRight' | 'sync'> & {
  map<U>(f: (item: T, index: number) => U): Promise<U[]>;
  flatMap<U>(f: (item: T, index: number) => U | readonly U[]): Promise<U[]>;
  reduce<U>(f: (sum: U, item: T, index: number) => U, initial: U): Promise<U>;
  reduceRight<U>(f: (sum: U, item: T, index: number) => U, initial: U): Promise<U>;
  readonly sync: Omit<SyncProxy<HostedList<T>>, 'map' | 'flatMap' | 'reduce' | 'reduceRight'> & {
    map<U>(f: (item: T, index: number) => U): U[];
    flatMap<U>(f: (item: T, index: number) => U | readonly U[]): U[];
    reduce<U>(f: (sum: U, item: T, index: number) => U, initial: U): U;
    reduceRight<U>(f: (sum: U, item: T, index: number) => U, initial: U): U;
  };
};

/** A Set in a manager. */
export type SetProxy<T = unknown> = Proxy<HostedSet<T>>;

/** A value of a type in a manager. */
export type ValueProxy<C extends TypeCode | 'bool' | 'json' = TypeCode> = Proxy<HostedValue<C>>;

/** An array of a type in a manager. */
export type ArrayProxy<C extends TypeCode = TypeCode> = Omit<Proxy<HostedArray<C>>, 'get' | 'sync'> & {
  get(): Promise<ElementOf<C>[]>;
  get(index: number): Promise<ElementOf<C> | undefined>;
  readonly sync: Omit<SyncProxy<HostedArray<C>>, 'get'> & {
    get(): ElementOf<C>[];
    get(index: number): ElementOf<C> | undefined;
  };
};

/** Attributes in a manager: `await ns.name` reads one, `ns.sync.name` reads and sets one. */
export type NamespaceProxy<A extends object = Record<string, unknown>> = {
  readonly [K in Exclude<keyof A, keyof NamespaceMethods<A>>]: PromiseLike<A[K]>;
} & NamespaceMethods<A>;

/** What every namespace has; attributes of these names are read by `get`. */
export interface NamespaceMethods<A extends object> extends AsyncIterable<[string, unknown]> {
  get<K extends keyof A & string>(name: K): Promise<A[K]>;
  set<K extends keyof A & string>(name: K, value: A[K]): Promise<void>;
  update<K extends keyof A & string>(name: K, f: (value: A[K]) => A[K]): Promise<A[K]>;
  delete(name: string): Promise<boolean>;
  has(name: string): Promise<boolean>;
  keys(): Promise<string[]>;
  entries(): Promise<[string, unknown][]>;
  copy(): Promise<A>;
  readonly sync: A;
}

/** What locks of a manager have in common; the owner is a thread of a process, within `run` an async flow of it. */
interface AnyLockProxy<S> extends Disposable, AsyncDisposable {
  /** Waits for it. @throws {TimeoutError} If it was not free in time. {LockOwnerDiedError} If its owner ended holding it. */
  acquire(wait?: Wait): Promise<this>;
  tryAcquire(): Promise<boolean>;
  release(): Promise<void>;
  locked(): Promise<boolean>;
  /** Takes it even if its owner ended holding it, to repair what it protects. */
  recover(wait?: Wait): Promise<this>;
  /** Runs `f`, here, with the lock held. */
  run<T>(f: () => T | Promise<T>): Promise<T>;
  readonly sync: S;
}

interface AnySyncLock extends Disposable {
  acquire(wait?: Wait): this;
  tryAcquire(): boolean;
  release(): void;
  locked(): boolean;
  recover(wait?: Wait): this;
  run<T>(f: () => T): T;
}

/** A Lock or RLock in a manager. */
export interface LockProxy extends AnyLockProxy<AnySyncLock> {}

/** A Semaphore or BoundedSemaphore in a manager. */
export interface SemaphoreProxy extends Disposable, AsyncDisposable {
  acquire(wait?: Wait): Promise<this>;
  tryAcquire(): Promise<boolean>;
  release(count?: number): Promise<void>;
  getValue(): Promise<number>;
  locked(): Promise<boolean>;
  run<T>(f: () => T | Promise<T>): Promise<T>;
  readonly sync: Disposable & {
    acquire(wait?: Wait): SemaphoreProxy['sync'];
    tryAcquire(): boolean;
    release(count?: number): void;
    getValue(): number;
    locked(): boolean;
    run<T>(f: () => T): T;
  };
}

/** A Condition in a manager. Predicates run here. */
export interface ConditionProxy extends AnyLockProxy<SyncCondition> {
  wait(wait?: Wait): Promise<boolean>;
  waitFor<T>(predicate: () => T | Promise<T>, wait?: Wait): Promise<T>;
  notify(count?: number): Promise<void>;
  notifyAll(): Promise<void>;
}

interface SyncCondition extends AnySyncLock {
  wait(wait?: Wait): boolean;
  waitFor<T>(predicate: () => T, wait?: Wait): T;
  notify(count?: number): void;
  notifyAll(): void;
}

/** An Event in a manager. */
export interface EventProxy {
  isSet(): Promise<boolean>;
  set(): Promise<void>;
  clear(): Promise<void>;
  wait(wait?: Wait): Promise<void>;
  readonly sync: { isSet(): boolean; set(): void; clear(): void; wait(wait?: Wait): void };
}

/** A Barrier in a manager. */
export interface BarrierProxy {
  wait(wait?: Wait): Promise<number>;
  reset(): Promise<void>;
  abort(): Promise<void>;
  parties(): Promise<number>;
  nWaiting(): Promise<number>;
  broken(): Promise<boolean>;
  readonly sync: {
    wait(wait?: Wait): number;
    reset(): void;
    abort(): void;
    parties(): number;
    nWaiting(): number;
    broken(): boolean;
  };
}

/** A Queue or JoinableQueue in a manager; iterating ends at its shutdown. */
export interface QueueProxy<T = unknown> extends AsyncIterable<T> {
  put(value: T, wait?: Wait): Promise<void>;
  tryPut(value: T): Promise<boolean>;
  putNowait(value: T): Promise<void>;
  get(wait?: Wait): Promise<T>;
  tryGet(): Promise<{ value: T } | null>;
  getNowait(): Promise<T>;
  qsize(): Promise<number>;
  empty(): Promise<boolean>;
  full(): Promise<boolean>;
  maxSize(): Promise<number>;
  shutdown(options?: { immediate?: boolean }): Promise<void>;
  taskDone(): Promise<void>;
  join(wait?: Wait): Promise<void>;
  readonly sync: {
    put(value: T, wait?: Wait): void;
    tryPut(value: T): boolean;
    putNowait(value: T): void;
    get(wait?: Wait): T;
    tryGet(): { value: T } | null;
    getNowait(): T;
    qsize(): number;
    empty(): boolean;
    full(): boolean;
    maxSize(): number;
    shutdown(options?: { immediate?: boolean }): void;
    taskDone(): void;
    join(wait?: Wait): void;
  };
}

/** A result that the pool of a manager will have. */
export type AsyncResultProxy<R> = Pick<Proxy<AsyncResult<R>>, 'get' | 'wait' | 'ready' | 'successful'> & {
  readonly sync: Pick<SyncProxy<AsyncResult<R>>, 'get' | 'wait' | 'ready' | 'successful'>;
};

/** A Pool in a manager: its workers are children of the server. */
export interface PoolProxy extends Pick<Proxy<Pool>, 'close' | 'terminate' | 'join'> {
  apply<A extends readonly unknown[], R>(f: (...args: A) => R, args?: A): Promise<Awaited<R>>;
  applyAsync<A extends readonly unknown[], R>(f: (...args: A) => R, args?: A): Promise<AsyncResultProxy<Awaited<R>>>;
  map<T, R>(f: (item: T) => R, items: readonly T[], options?: { chunkSize?: number }): Promise<Awaited<R>[]>;
  mapAsync<T, R>(
    f: (item: T) => R,
    items: readonly T[],
    options?: { chunkSize?: number },
  ): Promise<AsyncResultProxy<Awaited<R>[]>>;
  starmap<A extends readonly unknown[], R>(
    f: (...args: A) => R,
    items: readonly A[],
    options?: { chunkSize?: number },
  ): Promise<Awaited<R>[]>;
  starmapAsync<A extends readonly unknown[], R>(
    f: (...args: A) => R,
    items: readonly A[],
    options?: { chunkSize?: number },
  ): Promise<AsyncResultProxy<Awaited<R>[]>>;
  imap<T, R>(f: (item: T) => R, items: readonly T[], options?: { chunkSize?: number }): Promise<AsyncIterable<Awaited<R>>>;
  imapUnordered<T, R>(
    f: (item: T) => R,
    items: readonly T[],
    options?: { chunkSize?: number },
  ): Promise<AsyncIterable<Awaited<R>>>;
}
