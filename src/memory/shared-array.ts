/**
 * Typed arrays that processes and threads share.
 *
 * Runs in every process and thread. The elements are the body; the number of the type is the option word.
 */
import { showAs } from '../sharing/inspection.js';
import { registerSharedObjects } from '../sharing/shared-extension.js';
import { adoptPiece, constructOn, isOpening, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import type { SharedPiece } from '../substrate/shared-piece.js';
import type { RLock } from '../sync/rlock.js';
import { checkWellFormed, loadElement, storeElement } from './elements.js';
import { arrayContent, arrayType, bodyBuffer, fillArray, keepWith } from './shared-bytes.js';
import {
  type AnyTypedArray,
  type ElementOf,
  elementTypeAt,
  type ElementType,
  type TypeCode,
  type TypedArrayOf,
} from './type-codes.js';
import { type AnyLock, lockFor, readLock, requireLock, type SharedOptions, writeLock } from './value-lock.js';

const CREATE = 'create a shared array';

/** A length, elements, or the text of an array of the type `'c'`. */
export type ArrayInit<C> = number | Iterable<ElementOf<C>> | (C extends 'c' ? string | Uint8Array : never);

/**
 * An array of fixed length in shared memory; also called `Array`.
 *
 * - Reading and writing one element are single steps that wait for nobody; more than one needs the lock, which is one for
 *   all who share the array. The array itself does not take it.
 * - `view` is the memory itself, at the speed of any typed array; it does not check ranges.
 *
 * @param init Its length (then all zero) or its elements.
 * @throws {TypeError|RangeError} If an element is none of the type, or the length none.
 * @throws {ResourceExhaustedError} If there is not so much shared memory.
 * @python `multiprocessing.Array`; indexes are by `at` and `set`, slices by `slice` and `view.set`.
 */
export class SharedArray<C extends TypeCode = TypeCode, L extends AnyLock = RLock> implements Iterable<ElementOf<C>> {
  static {
    showAs(SharedArray, (array) => ({ code: array.#type.code, view: array.view }));
  }

  /** The shared memory. */
  readonly view: TypedArrayOf<C>;
  readonly #type: ElementType;
  readonly #lock: AnyLock | undefined;

  constructor(code: C, init: ArrayInit<C>, options: SharedOptions<L> = {}) {
    this.#lock = lockFor(options, CREATE);
    const { piece, type, view } = arrayPiece(KIND.ARRAY, code, init);
    this.view = view as TypedArrayOf<C>;
    this.#type = type;
    keepWith(view, this);
    adoptPiece(this, piece, arrayKind);
  }

  get length(): number {
    return this.view.length;
  }

  /** An element, counted from the end if `index` is negative; undefined beyond. */
  at(index: number): ElementOf<C> | undefined {
    const place = index < 0 ? index + this.length : index;
    return place >= 0 && place < this.length
      ? (loadElement(this.#type, this.view, Math.trunc(place)) as ElementOf<C>)
      : undefined;
  }

  /** Writes an element. @throws {RangeError} If there is no such place, or the value is out of range. */
  set(index: number, value: ElementOf<C>): void {
    const place = index < 0 ? index + this.length : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.length)
      throw new RangeError(`Cannot set an element: the array has ${this.length}, received the index ${index}`);
    storeElement(this.#type, this.view, place, value, `set the element ${place}`);
  }

  /** A copy of a part, in memory of this process. */
  slice(start?: number, end?: number): TypedArrayOf<C> {
    return this.view.slice(start, end) as TypedArrayOf<C>;
  }

  /** Writes the same value to all elements, or those from `start` to before `end`. @throws {RangeError} If it is out of range. */
  fill(value: ElementOf<C>, start?: number, end?: number): this {
    const cell = this.#type.view(new ArrayBuffer(8), 0, 1);
    storeElement(this.#type, cell, 0, value, 'fill the array');
    (this.view as Float64Array).fill(cell[0] as number, start, end);
    return this;
  }

  /** Of the type `'c'`: the text up to the first NUL, in UTF-8. @throws {TypeError} For other types. */
  get value(): string {
    const bytes = this.#bytes('read');
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(bytes.slice(0, end < 0 ? undefined : end));
  }

  /** Writes the text, and a NUL behind it where there is room. @throws {RangeError} If it is too long. */
  set value(text: string) {
    const bytes = this.#bytes('set');
    checkWellFormed(text, 'set the text');
    const given = Buffer.from(text);
    if (given.length > bytes.length)
      throw new RangeError(`Cannot set the text: the array has ${bytes.length} bytes, received ${given.length} bytes`);
    bytes.set(given);
    if (given.length < bytes.length) bytes[given.length] = 0;
  }

  /** The lock beside the array. @throws {InvalidStateError} If it was made without. */
  getLock(): L {
    return requireLock(this.#lock);
  }

  /** The same as `view`. */
  getObj(): TypedArrayOf<C> {
    return this.view;
  }

  *[Symbol.iterator](): IterableIterator<ElementOf<C>> {
    for (let index = 0; index < this.length; index++) yield loadElement(this.#type, this.view, index) as ElementOf<C>;
  }

  /** @internal */
  static lockOf(array: SharedArray): AnyLock | undefined {
    return array.#lock;
  }

  #bytes(act: string): Uint8Array {
    if (this.#type.kind === 'char') return this.view as Uint8Array;
    throw new TypeError(`Cannot ${act} the text: the array is of the type '${this.#type.code}', not 'c'`);
  }
}

/**
 * A typed array in shared memory without a lock: an ordinary typed array that is not copied when it is sent.
 * A `subarray` of it is copied.
 *
 * @throws {TypeError|RangeError} If an element is none of the type, or the length none.
 * @python `multiprocessing.RawArray`
 */
export function RawArray<C extends TypeCode>(code: C, init: ArrayInit<C>): TypedArrayOf<C> {
  const { piece, view } = arrayPiece(KIND.RAW_ARRAY, code, init);
  return adoptView(piece, view) as TypedArrayOf<C>;
}

function adoptView(piece: SharedPiece, view: AnyTypedArray): AnyTypedArray {
  registerSharedObjects(); // so that nothing sends it as an ordinary typed array
  keepWith(view, view);
  adoptPiece(view, piece, rawArrayKind);
  return view;
}

function arrayPiece(kind: number, code: unknown, init: unknown): { piece: SharedPiece; type: ElementType; view: AnyTypedArray } {
  const type = arrayType(code, CREATE);
  if (isOpening()) {
    const piece = pieceFor(kind, 0);
    return { piece, type, view: viewOf(piece, type) };
  }
  const content = arrayContent(type, init, CREATE);
  const piece = pieceFor(kind, content.length * type.bytes, type.number);
  try {
    const view = viewOf(piece, type);
    fillArray(type, view, content, CREATE);
    return { piece, type, view };
  } catch (error) {
    piece.release();
    throw error;
  }
}

function viewOf(piece: SharedPiece, type: ElementType): AnyTypedArray {
  return type.view(bodyBuffer(piece, 0, piece.bytes), 0, piece.bytes / type.bytes);
}

/** How such objects are sent. */
export const arrayKind: SharedKind = {
  kind: KIND.ARRAY,
  write: (facade, out) => writeLock(SharedArray.lockOf(facade as SharedArray), out),
  read: readLock,
  open: (piece, lock) => {
    const code = elementTypeAt(piece.options).code as TypeCode;
    return constructOn(piece, () => new SharedArray(code, 0, { lock: lock as RLock | false }));
  },
};

/** How such objects are sent. */
export const rawArrayKind: SharedKind = {
  kind: KIND.RAW_ARRAY,
  open: (piece) => adoptView(piece, viewOf(piece, elementTypeAt(piece.options))),
};
