/**
 * Objects that stand for bytes, both ways: `ArrayBuffer`, the typed arrays, `DataView` and `Buffer`.
 *
 * Runs in every process. Of a view only its own bytes travel, and the copy has a memory of its own.
 * Bytes are little-endian, as every machine Node runs on.
 */
import { types } from 'node:util';
import type { BuiltinObject } from './builtin-objects.js';
import type { Decoder } from './decoder.js';
import type { Encoder } from './encoder.js';
import { isDetached } from './refusal.js';
import { TAG, VIEW_NAMES } from './tags.js';

type ViewName = (typeof VIEW_NAMES)[number];

interface ViewClass {
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT?: number;
  new (buffer: ArrayBuffer): ArrayBufferView;
}

/** Reads a `Buffer`; of a message that belongs to its reader, a large one without a copy. */
export function readBuffer(input: Decoder): Buffer {
  const length = input.count(1);
  const { buffer, pos } = input;
  input.pos = pos + length;
  if (input.owned && length >= OWNED_MIN && length >= buffer.length / 2) {
    return input.register(Buffer.from(buffer.buffer, buffer.byteOffset + pos, length));
  }
  const copy = Buffer.allocUnsafe(length);
  copy.set(buffer.subarray(pos, pos + length));
  return input.register(copy);
}

/** Reads an `ArrayBuffer`. */
export function readArrayBuffer(input: Decoder): ArrayBuffer {
  return input.register(takeBytes(input));
}

/** Reads a typed array or a `DataView`. */
export function readView(input: Decoder): object {
  const name = VIEW_NAMES[input.u8()];
  const viewClass = name === undefined ? undefined : (viewClasses ??= tableOfViews())[name];
  if (viewClass === undefined) {
    return input.fail(`this runtime has no ${name ?? 'such typed array'}`);
  }
  const bytes = takeBytes(input);
  if (bytes.byteLength % (viewClass.BYTES_PER_ELEMENT ?? 1) !== 0) {
    return input.fail(`${bytes.byteLength} bytes make no ${name}`);
  }
  return input.register(new viewClass(bytes));
}

function takeBytes(input: Decoder): ArrayBuffer {
  const length = input.count(1);
  const { buffer, pos } = input;
  input.pos = pos + length;
  if (length > UNZEROED_MIN) {
    const copy = Buffer.allocUnsafeSlow(length);
    copy.set(buffer.subarray(pos, pos + length));
    return copy.buffer;
  }
  const copy = new Uint8Array(length);
  copy.set(buffer.subarray(pos, pos + length));
  return copy.buffer;
}

function writeView(view: ArrayBufferView, out: Encoder): void {
  const { buffer, byteOffset, byteLength } = view;
  refuseUnsendable(view, buffer, out);
  out.bytes(new Uint8Array(buffer, byteOffset, byteLength));
}

function writeBuffer(value: object, out: Encoder): void {
  const bytes = value as Buffer;
  refuseUnsendable(bytes, bytes.buffer, out);
  out.u8(TAG.BUFFER);
  out.bytes(bytes);
}

function writeArrayBuffer(value: object, out: Encoder): void {
  const buffer = value as ArrayBuffer;
  refuseUnsendable(buffer, buffer, out);
  out.u8(TAG.ARRAY_BUFFER);
  out.bytes(new Uint8Array(buffer));
}

function refuseUnsendable(value: object, buffer: ArrayBufferLike, out: Encoder): void {
  if (types.isSharedArrayBuffer(buffer) || isDetached(buffer)) {
    out.refuse(value);
  }
}

function viewKind(name: ViewName, number: number, viewClass: ViewClass): BuiltinObject {
  return {
    prototype: viewClass.prototype,
    matches: name === 'DataView' ? types.isDataView : (value) => typedArrayName.call(value) === name,
    onBytes: true,
    prototypes: name === 'DataView' ? 2 : 3,
    write(value, out) {
      out.u8(TAG.VIEW);
      out.u8(number);
      writeView(value as ArrayBufferView, out);
    },
  };
}

const typedArrayName: () => unknown = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as () => unknown;

type ViewClasses = Readonly<Partial<Record<ViewName, ViewClass>>>;

function tableOfViews(): ViewClasses {
  return Object.fromEntries(
    VIEW_NAMES.flatMap((name) => {
      const viewClass: unknown = Reflect.get(globalThis, name);
      return viewClass === undefined ? [] : [[name, viewClass as ViewClass]];
    }),
  );
}

let viewClasses: ViewClasses | undefined;

/** The kinds of this file, for the table of all; made by a function, because a starting child does without. */
export function byteObjects(): BuiltinObject[] {
  const classes = (viewClasses ??= tableOfViews());
  return [
    { prototype: Buffer.prototype, matches: types.isUint8Array, onBytes: true, prototypes: 4, write: writeBuffer },
    { prototype: ArrayBuffer.prototype, matches: types.isArrayBuffer, onBytes: true, write: writeArrayBuffer },
    ...VIEW_NAMES.flatMap((name, number) => {
      const viewClass = classes[name];
      return viewClass === undefined ? [] : [viewKind(name, number, viewClass)];
    }),
  ];
}

/** Smaller arrays are faster on the heap of the engine, where zeroing costs nothing. */
const UNZEROED_MIN = 512;
/** Smaller bytes are not worth holding a message for. */
const OWNED_MIN = 4096;
