/**
 * What may be a key of a managed dict or an item of a managed set, and when two values count as the same.
 *
 * Runs in servers only. Values arrive as copies: two plain objects are never the same one, so identity means nothing.
 */
import { inspect, isDeepStrictEqual } from 'node:util';
import { coreOf } from '../proxies/proxy.js';

/** @throws {TypeError} If nobody could ever find it again. */
export function keyOf(key: unknown, what: string): unknown {
  if ((typeof key !== 'object' && typeof key !== 'function') || key === null || coreOf(key) !== undefined) return key;
  throw new TypeError(
    `Cannot use an object as ${what}: it arrives as a copy, which nothing else is equal to; use a string or number, received an object of ${key.constructor?.name ?? 'no class'}`,
  );
}

/** Whether two values are equal; proxies are if they stand for the same object. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || coreOf(a) !== undefined || coreOf(b) !== undefined) return false;
  return isDeepStrictEqual(a, b);
}

/** Items, or a proxy of another object of the same manager that has them. */
export type Items<T> = Iterable<T> | AsyncIterable<T>;

/** Items that a caller gave. @throws {TypeError} If there are none. */
export function itemsOf<T>(given: Items<T>, act: string): readonly T[] {
  const items: unknown = coreOf(given) === undefined ? given : Reflect.get(given, 'sync');
  if (typeof (items as Partial<Iterable<T>> | undefined)?.[Symbol.iterator] === 'function') return [...(items as Iterable<T>)];
  throw new TypeError(`Cannot ${act}: it takes items, received ${inspect(given, { depth: 0 })}`);
}

/** The result of a function of the caller, which must be there at once: nothing else may come between. */
export function atOnce<T>(value: T, what: string): T {
  if (value instanceof Promise) {
    value.catch(() => undefined);
    throw new TypeError(`Cannot ${what}: its function must give its result at once, not a promise`);
  }
  return value;
}
