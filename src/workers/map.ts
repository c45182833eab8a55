/**
 * `map` as executors and pools call it: checks the arguments, makes the iterator.
 *
 * Runs in the process that submits.
 */
import { checkMapOptions } from './check-options.js';
import { isIterable } from './map-inputs.js';
import { type MapContext, MapIterator } from './map-iterator.js';
import type { AnyIterable, MapOptions, TaskOptions } from './task-options.js';

/** The iterator of one `map` call; `rest` is the iterables, and perhaps the options. */
export function mapOver<T>(
  context: MapContext,
  fn: (...args: never[]) => unknown,
  rest: readonly unknown[],
  taskOptions: TaskOptions,
): AsyncIterableIterator<T> {
  const last = rest.at(-1);
  const hasOptions = rest.length > 0 && !isIterable(last);
  const options = { ...taskOptions, ...((hasOptions ? last : {}) as MapOptions) };
  const iterables = hasOptions ? rest.slice(0, -1) : rest;
  if (hasOptions && (typeof last !== 'object' || last === null))
    throw new TypeError(`Cannot map: the last argument must be iterable or an object of options, received ${String(last)}`);
  checkMapOptions('Cannot map', options);
  if (iterables.length === 0) throw new TypeError('Cannot map: at least one iterable is needed');
  iterables.forEach((each, index) => {
    if (!isIterable(each)) throw new TypeError(`Cannot map: argument ${index + 1} must be iterable, received ${String(each)}`);
  });
  return new MapIterator<T>(context, fn, iterables as AnyIterable<unknown>[], options, false);
}

/** The same for one iterable and its options. `unordered`: each chunk as soon as it is there. */
export function iterateMap<T>(
  context: MapContext,
  fn: (...args: never[]) => unknown,
  items: AnyIterable<unknown>,
  options: MapOptions,
  unordered: boolean,
): AsyncIterableIterator<T> {
  checkMapOptions('Cannot map', options);
  if (!isIterable(items)) throw new TypeError(`Cannot map: the items must be iterable, received ${String(items)}`);
  return new MapIterator<T>(context, fn, [items], options, unordered);
}
