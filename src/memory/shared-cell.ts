/**
 * The one element of a `Value` or `RawValue`.
 *
 * Runs in every process and thread. The element lies at byte 0 of the body, or the body is a JSON cell; the number of the
 * type is the option word.
 */
import { isOpening, pieceFor } from '../sharing/shared-kinds.js';
import type { SharedPiece } from '../substrate/shared-piece.js';
import { addElement, type Element, loadElement, storeElement } from './elements.js';
import { JsonCell, jsonBodyBytes, jsonBytes } from './json-cell.js';
import { bodyBuffer, bodyView, keepWith } from './shared-bytes.js';
import { type AnyTypedArray, elementType, elementTypeAt, type ElementType } from './type-codes.js';

/** The option word of JSON values. */
const JSON_NUMBER = 255;
const SET = 'set the value';

/** One element in shared memory. */
export interface SharedCell {
  readonly code: string;
  load(): unknown;
  store(value: unknown): void;
  add(delta: unknown): number | bigint;
  /** The element as an array of length 1; keeps `owner` alive. */
  view(owner: object): AnyTypedArray;
  close(): boolean;
}

/**
 * The piece for a constructor, with its first value unless it exists already.
 *
 * @throws {TypeError|RangeError} If the first value is none of the type.
 */
export function cellFor(kind: number, code: unknown, init: unknown): { piece: SharedPiece; cell: SharedCell } {
  const isNew = !isOpening();
  if (code === 'json') {
    const first = isNew ? jsonBytes(init ?? null) : new Uint8Array();
    const piece = pieceFor(kind, jsonBodyBytes(first), JSON_NUMBER);
    const json = new JsonCell(piece);
    if (isNew) json.write(first);
    return { piece, cell: jsonCell(json) };
  }
  const type = elementType(code, 'create a value');
  if (isNew && init !== undefined) storeElement(type, type.view(new ArrayBuffer(8), 0, 1), 0, init, SET);
  const piece = pieceFor(kind, 8, type.number);
  const cell = elementCell(type, piece);
  if (isNew && init !== undefined) cell.store(init);
  return { piece, cell };
}

/** The type code of an existing piece. */
export function codeOf(piece: SharedPiece): string {
  return piece.options === JSON_NUMBER ? 'json' : elementTypeAt(piece.options).code;
}

function elementCell(type: ElementType, piece: SharedPiece): SharedCell {
  const cell = bodyView(type, piece, 0);
  let view: AnyTypedArray | undefined;
  return {
    code: type.code,
    load: (): Element => loadElement(type, cell, 0),
    store: (value) => storeElement(type, cell, 0, value, SET),
    add: (delta) => addElement(type, cell, 0, delta),
    view(owner) {
      if (view === undefined) {
        view = type.view(bodyBuffer(piece, 0, 8), 0, 1);
        keepWith(view, owner);
      }
      return view;
    },
    close: () => true,
  };
}

function jsonCell(json: JsonCell): SharedCell {
  return {
    code: 'json',
    load: (): unknown => JSON.parse(new TextDecoder().decode(json.read())),
    store: (value) => json.write(jsonBytes(value)),
    add: () => {
      throw new TypeError("Cannot add to a value of the type 'json': only integers can be added to at once; use its lock");
    },
    view: () => {
      throw new TypeError("Cannot give the value as a typed array: its type is 'json'");
    },
    close: () => json.close(),
  };
}
