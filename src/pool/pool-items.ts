/**
 * The items of a map, all of them, whatever they come from.
 *
 * Runs in the process that has the pool.
 */
import type { AnyIterable } from '../workers/task-options.js';

/** All items; a promise where they come asynchronously. What the iterable throws is thrown. @throws {TypeError} If it is no iterable. */
export function collect(act: string, items: AnyIterable<unknown>): readonly unknown[] | Promise<readonly unknown[]> {
  if (Array.isArray(items)) return items.slice();
  const object = Object(items) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  if (typeof object[Symbol.asyncIterator] === 'function') return collectAsync(items as AsyncIterable<unknown>);
  if (typeof object[Symbol.iterator] !== 'function')
    throw new TypeError(`${act}: the items must be iterable, received ${items === null ? 'null' : typeof items}`);
  return Array.from(items as Iterable<unknown>);
}

async function collectAsync(items: AsyncIterable<unknown>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A list of arguments as an array. @throws {TypeError} If it is none. */
export function spreadable(what: string, args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args;
  if (typeof args === 'object' && args !== null && Symbol.iterator in args) return Array.from(args as Iterable<unknown>);
  throw new TypeError(`${what} must be a list of arguments, received ${args === null ? 'null' : typeof args}`);
}
