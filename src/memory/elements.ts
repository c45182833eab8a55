/**
 * Reads, checks and writes single elements of shared memory.
 *
 * Runs in every process and thread. Integers are read and written by `Atomics`. A floating-point number lies aligned in
 * a cell of its own size, so that the processor reads and writes it at once, as it does every aligned cell: nobody ever
 * sees one half of a value and the other half of another.
 */
import { inspect } from 'node:util';
import type { AnyTypedArray, ElementType } from './type-codes.js';

/** A value of any code. */
export type Element = number | bigint | boolean | string;

/** The element at `index` of a view of its type. */
export function loadElement(type: ElementType, view: AnyTypedArray, index: number): Element {
  if (type.kind === 'float') return view[index] as number;
  const value = Atomics.load(view as Int32Array, index);
  if (type.kind === 'char') return String.fromCharCode(value);
  return type.kind === 'bool' ? value !== 0 : value;
}

/**
 * Writes an element.
 *
 * @param act Completes "Cannot …".
 * @throws {TypeError|RangeError} If the value is none of the type.
 */
export function storeElement(type: ElementType, view: AnyTypedArray, index: number, value: unknown, act: string): void {
  const cell = toCell(type, value, act);
  if (type.kind === 'float') view[index] = cell;
  else Atomics.store(view as Int32Array, index, cell as number);
}

/**
 * Adds to an integer at once and gives what it was before. Beyond the range it goes on at its other end, as integers of
 * that size do.
 *
 * @throws {TypeError|RangeError} If the type is none of integers, or the value none of the type.
 */
export function addElement(type: ElementType, view: AnyTypedArray, index: number, delta: unknown): number | bigint {
  const act = `add to a value of the type '${type.code}'`;
  if (type.kind !== 'integer' && type.kind !== 'bigint')
    throw new TypeError(`Cannot ${act}: only integers can be added to at once; use its lock`);
  // A number may be taken off an unsigned integer.
  const span = type.kind === 'bigint' ? (type.most as bigint) : (type.most as number);
  checkInteger(type, delta, -span, span, act);
  return Atomics.add(view as Int32Array, index, delta as number);
}

/** The number that is stored for a value. */
function toCell(type: ElementType, value: unknown, act: string): number | bigint {
  switch (type.kind) {
    case 'bool':
      if (typeof value !== 'boolean') throw new TypeError(`Cannot ${act}: it is a boolean, received ${inspect(value)}`);
      return value ? 1 : 0;
    case 'char':
      return charCell(value, act);
    case 'float':
      return floatCell(type, value, act);
    default:
      checkInteger(type, value, type.least, type.most, act);
      return value;
  }
}

/** One byte: a character up to U+00FF, or its number. */
function charCell(value: unknown, act: string): number {
  const code = typeof value === 'string' && value.length === 1 ? value.charCodeAt(0) : value;
  if (typeof code !== 'number') throw new TypeError(`Cannot ${act}: it is a text of one character, received ${inspect(value)}`);
  if (Number.isInteger(code) && code >= 0 && code <= 255) return code;
  throw new RangeError(`Cannot ${act}: it is one byte, 0 to 255, received ${inspect(value)}`);
}

function floatCell(type: ElementType, value: unknown, act: string): number {
  if (typeof value !== 'number') throw new TypeError(`Cannot ${act}: it is a number, received ${inspect(value)}`);
  if (type.bytes === 4 && Number.isFinite(value) && !Number.isFinite(Math.fround(value)))
    throw new RangeError(`Cannot ${act}: '${type.code}' has 32 bits, up to 3.4028234663852886e38, received ${value}`);
  return value;
}

function checkInteger(
  type: ElementType,
  value: unknown,
  least: number | bigint,
  most: number | bigint,
  act: string,
): asserts value is number | bigint {
  if (type.kind === 'bigint' ? typeof value !== 'bigint' : !Number.isInteger(value)) {
    const expected = type.kind === 'bigint' ? 'a bigint such as 5n' : 'an integer';
    throw new TypeError(`Cannot ${act}: '${type.code}' takes ${expected}, received ${inspect(value)}`);
  }
  const given = value as number | bigint;
  if (given < least || given > most)
    throw new RangeError(`Cannot ${act}: '${type.code}' takes ${least} to ${most}, received ${inspect(value)}`);
}

/** UTF-8 has no half of a surrogate pair: it would come back as another character. @throws {RangeError} If the text has one. */
export function checkWellFormed(text: string, act: string): void {
  if (/\p{Cs}/u.test(text)) throw new RangeError(`Cannot ${act}: a text has whole characters, received ${inspect(text)}`);
}
