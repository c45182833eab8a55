/**
 * Types of proxies.
 *
 * Runs nowhere.
 */

/** A method, whatever it takes. */
type Method = (...args: never[]) => unknown;

/** The name of a public method; never for everything else. */
type MethodName<K, V> = K extends string ? (K extends `_${string}` ? never : V extends Method ? K : never) : never;

/** What a caller gets for what a method returns: proxies as they are, iterators as iterables, all else as a copy. */
type Result<R> =
  R extends Iterator<infer Item>
    ? R extends readonly unknown[]
      ? R
      : RemoteIterator<Item>
    : R extends AsyncIterator<infer Item>
      ? RemoteIterator<Item>
      : R;

/** Items that stay in the server until they are asked for. */
export interface RemoteIterator<T> extends AsyncIterable<T> {
  readonly sync: Iterable<T>;
}

/** A method through a proxy. */
type AsyncMethod<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Result<Awaited<R>>> : never;

/** A method through the face that blocks. */
type SyncMethod<F> = F extends (...args: infer A) => infer R ? (...args: A) => SyncResult<Awaited<R>> : never;

type SyncResult<R> = R extends Iterator<infer Item> ? RemoteIterator<Item> : Result<R>;

/** The methods of T as promises. */
type AsyncMethods<T> = { readonly [K in keyof T as MethodName<K, T[K]>]: AsyncMethod<T[K]> };

/** The methods of T as blocking calls. */
type SyncMethods<T> = { readonly [K in keyof T as MethodName<K, T[K]>]: SyncMethod<T[K]> };

type AsyncItems<T> =
  T extends Iterable<infer Item> ? AsyncIterable<Item> : T extends AsyncIterable<infer Item> ? AsyncIterable<Item> : unknown;
type SyncItems<T> =
  T extends Iterable<infer Item> ? Iterable<Item> : T extends AsyncIterable<infer Item> ? Iterable<Item> : unknown;

/** A proxy's face that blocks the calling thread until the server has answered: for code in children. */
export type SyncProxy<T> = SyncMethods<T> & SyncItems<T>;

/**
 * An object that stands for one in the server of a manager.
 *
 * - It has the public methods of that object; each returns a promise. `proxy.sync` has the same methods and blocks.
 * - Arguments and results are copies, except proxies and other shared objects.
 * - It may be sent anywhere, also into other managed objects. The object in the server lives as long as one of its
 *   proxies, wherever, or a message on its way that has one in it.
 * - When the server's process dies, every call rejects with `ManagerDiedError`.
 *
 * @python `multiprocessing.managers.BaseProxy`
 */
export type Proxy<T> = AsyncMethods<T> & AsyncItems<T> & { readonly sync: SyncProxy<T> };

/** What makes an object: a class, or a function. */
export type Registrable = Method | (abstract new (...args: never[]) => unknown);

/** Arguments that it takes. */
export type ArgsOf<C> = C extends abstract new (
  ...args: infer A
) => unknown
  ? A
  : C extends (...args: infer A) => unknown
    ? A
    : never;

/** The object that it makes. */
export type MadeBy<C> = C extends abstract new (
  ...args: never[]
) => infer T
  ? T
  : C extends (...args: never[]) => infer T
    ? Awaited<T>
    : never;

/**
 * The method that `register` adds to a manager for a class or function.
 *
 * @example
 * class Shop extends BaseManager {
 *   declare Counter: Creator<typeof Counter>;
 * }
 * Shop.register('Counter', Counter);
 */
export type Creator<C> = (...args: ArgsOf<C>) => Promise<Proxy<MadeBy<C>>>;
