/**
 * The bytes of a shared object as typed arrays.
 *
 * Runs in every process and thread.
 */
import { inspect } from 'node:util';
import { arena } from '../substrate/arena.js';
import type { SharedPiece } from '../substrate/shared-piece.js';
import { elementType, type ElementType, type AnyTypedArray } from './type-codes.js';
import { checkWellFormed, storeElement } from './elements.js';

/** The shared objects of buffers that the user may have a view on. */
const owners = new WeakMap<ArrayBuffer, object>();

/** Bytes of the body of a shared object from `offset` on; there is always room for one element. */
export function bodyBuffer(piece: SharedPiece, offset: number, bytes: number): ArrayBuffer {
  return arena().buffer(piece.body + offset, Math.max(8, bytes));
}

/** A view of `type` on the body from `offset` on that is not given to the user: its buffer may be a part of a larger one. */
export function bodyView(type: ElementType, piece: SharedPiece, offset: number): AnyTypedArray {
  const words = arena().words(piece.body + offset, 8);
  return type.view(words.buffer as ArrayBuffer, words.byteOffset, 1);
}

/** Keeps the shared object as long as somebody has a view on its bytes: the memory must not become another's. */
export function keepWith(view: AnyTypedArray, owner: object): void {
  owners.set(view.buffer as ArrayBuffer, owner);
}

/** What an array shall begin with: a number of zeros, or elements. */
export interface ArrayContent {
  readonly length: number;
  /** Elements, or the bytes of a text; undefined for zeros. */
  readonly elements: ArrayLike<unknown> | undefined;
}

/**
 * Reads the second argument of the constructors of arrays.
 *
 * @throws {TypeError|RangeError} If it is none.
 */
export function arrayContent(type: ElementType, given: unknown, act: string): ArrayContent {
  if (typeof given === 'number') {
    if (Number.isInteger(given) && given >= 0 && given * type.bytes <= Number.MAX_SAFE_INTEGER)
      return { length: given, elements: undefined };
    throw new RangeError(`Cannot ${act}: its length is an integer from 0 on, received ${given}`);
  }
  if (typeof given === 'string' && type.kind === 'char') {
    checkWellFormed(given, act);
    const bytes = Buffer.from(given);
    return { length: bytes.length, elements: bytes };
  }
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given))
    throw new TypeError(`Cannot ${act}: it takes a length or an iterable, received ${inspect(given)}`);
  const isList = Array.isArray(given) || (ArrayBuffer.isView(given) && !(given instanceof DataView));
  const elements = isList ? (given as unknown as ArrayLike<unknown>) : [...(given as Iterable<unknown>)];
  return { length: elements.length, elements };
}

/** Checks a type of arrays: those of `TypeCode`. */
export function arrayType(code: unknown, act: string): ElementType {
  const type = elementType(code, act);
  if (type.kind === 'bool') throw new TypeError(`Cannot ${act}: arrays have no type 'bool', use 'B'`);
  return type;
}

/** Writes the first content of an array. @throws {TypeError|RangeError} If an element is none of the type. */
export function fillArray(type: ElementType, view: AnyTypedArray, { elements }: ArrayContent, act: string): void {
  for (let index = 0; elements !== undefined && index < elements.length; index++)
    storeElement(type, view, index, elements[index], `${act} with this [${index}]`);
}
