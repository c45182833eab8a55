/**
 * Finds the properties an array has beside its items, such as `index` of a match of a regular expression.
 *
 * Runs in every process, on the writing side. No operation of the language tells cheaply whether a
 * long array has any; `inspect()`, told to print no items, does.
 */
import { inspect } from 'node:util';

/** The own enumerable keys of an array that are no indices; `undefined` for none. */
export function furtherProperties(array: readonly unknown[]): string[] | undefined {
  const { length } = array;
  if (length > KEYS_MAX && inspect(array, NO_ITEMS) === `[ ... ${length} more items ]`) {
    return undefined;
  }
  const keys = Object.keys(array);
  const last = keys.at(-1);
  // Indices come first: if the last key is one, all are.
  return last === undefined || isIndex(last) ? undefined : keys.filter((key) => !isIndex(key));
}

/** Whether a key is the index of an item of an array. */
export function isIndex(key: string): boolean {
  const number = Number(key) >>> 0;
  return number !== 0xffff_ffff && String(number) === key;
}

/** From about this length on, `inspect()` is cheaper than a list of all keys. */
const KEYS_MAX = 96;
const NO_ITEMS = {
  maxArrayLength: 0,
  depth: 0,
  showHidden: false,
  showProxy: false,
  customInspect: false,
  getters: false,
  sorted: false,
  colors: false,
  compact: true,
  numericSeparator: false,
  breakLength: Number.POSITIVE_INFINITY,
};
