/**
 * Arrays, both ways: dense ones, ones with holes of any length, ones with further properties.
 *
 * Runs in every process. A run of holes is one number, so that an array costs what it has and not
 * what its length says, on either side.
 */
import { inspect } from 'node:util';
import { blankArray, NUMBERS_MIN, readNumbers, readTexts, TEXTS_MIN, writeNumbers, writeTexts } from './array-runs.js';
import type { Decoder } from './decoder.js';
import type { Encoder } from './encoder.js';
import { TAG } from './tags.js';
import { isIndex } from './value-path.js';

/** Writes an array; what stands beside its items, such as `index` of a match of a regular expression, too. */
export function writeArray(array: readonly unknown[], out: Encoder): void {
  const { length } = array;
  const properties = furtherProperties(array);
  out.u8(properties === undefined ? TAG.ARRAY : TAG.ARRAY_WITH_PROPERTIES);
  out.varint(length);
  for (let i = 0; i < length; ) {
    const item = array[i];
    if (typeof item === 'number' && length - i >= NUMBERS_MIN) {
      i = writeNumbers(array, i, length, out);
    } else if (typeof item === 'string' && length - i >= TEXTS_MIN) {
      i = writeTexts(array, i, length, out);
    } else if (item === undefined && !Object.hasOwn(array, i)) {
      if (out.limited) {
        out.refuse(array, 'it is an array with holes, which are not sent over sockets; fill them, with Array.from(…) for one');
      }
      i = writeHoles(array, i, length, out);
    } else {
      out.write(item);
      i++;
    }
  }
  if (properties !== undefined) {
    out.varint(properties.length);
    for (const key of properties) {
      out.string(key);
      out.write(Reflect.get(array, key));
    }
  }
}

/** Reads the items of an array. */
export function readArray(input: Decoder): unknown[] {
  const length = input.varint();
  if (length > LENGTH_MAX) {
    input.fail('an array is too long');
  }
  const array = input.register(blankArray(length, input));
  let at = 0;
  while (at < length) {
    const tag = input.buffer[input.pos] as number;
    if (tag < TAG.HOLES || input.pos >= input.end) {
      array[at++] = input.read();
    } else {
      at = readRun(tag, array, at, length, input);
    }
  }
  return array.length === length ? array : lengthened(array, length);
}

/** Reads what may stand for many items. */
function readRun(tag: number, array: unknown[], at: number, length: number, input: Decoder): number {
  let end = at + 1;
  switch (tag) {
    case TAG.HOLES:
      if (input.limited) {
        input.fail('an array has holes, which are not taken from this sender');
      }
      input.pos++;
      end = at + input.varint();
      // What was blank must be missing.
      array.length = Math.min(array.length, at);
      break;
    case TAG.NUMBERS:
      input.pos++;
      end = readNumbers(array, at, input);
      break;
    case TAG.TEXTS:
      input.pos++;
      end = readTexts(array, at, input);
      break;
    default:
      array[at] = input.read();
  }
  return end > at && end <= length ? end : input.fail('an array has more items than its length');
}

/** Writes the run of holes at `from` and gives the index behind it; after a long run, writes all the rest by its indices. */
function writeHoles(array: readonly unknown[], from: number, length: number, out: Encoder): number {
  let at = from + 1;
  while (at < length && at - from < HOLES_SCANNED && !Object.hasOwn(array, at)) {
    at++;
  }
  if (at === length || at - from < HOLES_SCANNED) {
    writeRun(at - from, out);
    return at;
  }
  at = from;
  for (const key of Object.keys(array)) {
    const index = Number(key);
    if (isIndex(key) && index >= from && index < length) {
      writeRun(index - at, out);
      out.write(array[index]);
      at = index + 1;
    }
  }
  writeRun(length - at, out);
  return length;
}

function writeRun(holes: number, out: Encoder): void {
  if (holes > 0) {
    out.u8(TAG.HOLES);
    out.varint(holes);
  }
}

/**
 * The own enumerable keys of an array that are no indices; `undefined` for none. No operation of the language
 * tells cheaply whether a long array has any; `inspect()`, told to print no items, does.
 */
function furtherProperties(array: readonly unknown[]): string[] | undefined {
  const { length } = array;
  if (length > KEYS_MAX && inspect(array, NO_ITEMS) === `[ ... ${length} more items ]`) {
    return undefined;
  }
  const keys = Object.keys(array);
  const last = keys[keys.length - 1];
  if (keys.length === length && last === INDICES[length - 1]) {
    return undefined;
  }
  // Indices come first: if the last key is one, all are.
  return last === undefined || isIndex(last) ? undefined : keys.filter((key) => !isIndex(key));
}

/** Appends holes, without memory for them if there are many. */
function lengthened(array: unknown[], length: number): unknown[] {
  if (length - array.length > HOLES_ALLOCATED) {
    array[length - 1] = undefined;
    Reflect.deleteProperty(array, length - 1);
  }
  array.length = length;
  return array;
}

const LENGTH_MAX = 0xffff_ffff;
/** A longer run of holes is not looked at one by one. */
const HOLES_SCANNED = 64;
/** An assignment further than this behind the end makes V8 keep the array as a dictionary. */
const HOLES_ALLOCATED = 1024;
/** From about this length on, `inspect()` is cheaper than a list of all keys. */
const KEYS_MAX = 96;
/** The indices of arrays whose keys are listed, as text. */
const INDICES: readonly string[] = Array.from({ length: KEYS_MAX }, (_, index) => String(index));
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
