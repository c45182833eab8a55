/**
 * What the objects of a manager begin with, checked.
 *
 * Runs in clients, before it is sent, and in servers, since others may send anything.
 */
import { inspect } from 'node:util';

/** The items of a list, a set or an array. @param what Such as "a list". @throws {TypeError} If there are none. */
export function firstItems<T>(items: Iterable<T>, what: string): T[] {
  if (isIterable(items)) return [...items];
  throw refused(what, 'its items must be iterable', items);
}

/** The entries of a dict. @throws {TypeError} If one is no pair, or there are none. */
export function firstEntries<K, V>(init: Iterable<readonly [K, V]> | Readonly<Record<string, V>>): (readonly [K, V])[] {
  if (typeof init !== 'object' || init === null)
    throw refused('a dict', 'it begins with pairs of a key and a value, or an object', init);
  const entries = isIterable(init) ? [...init] : (Object.entries(init) as [K, V][]);
  for (const entry of entries as unknown[])
    if (!Array.isArray(entry) || entry.length !== 2)
      throw refused('a dict', 'its entries must be pairs of a key and a value', entry);
  return entries;
}

/** The attributes of a namespace. @throws {TypeError} If it is no object. */
export function firstAttributes(attributes: object): Record<string, unknown> {
  if (typeof attributes === 'object' && attributes !== null) return { ...attributes };
  throw refused('a namespace', 'its attributes must be an object', attributes);
}

function isIterable(value: unknown): value is Iterable<never> {
  return typeof (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === 'function';
}

function refused(what: string, must: string, received: unknown): TypeError {
  return new TypeError(`Cannot create ${what}: ${must}, received ${inspect(received, { depth: 0 })}`);
}
