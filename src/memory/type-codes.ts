/**
 * The type codes of shared values: Python's, and those that say their size; what each takes and how it is stored.
 *
 * Runs in every process and thread. The place of a code in `CODES` is its number in shared memory.
 */
import { inspect } from 'node:util';

/** Codes of integers up to 32 bits. */
export type IntegerCode = 'b' | 'B' | 'h' | 'H' | 'i' | 'I' | 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32';
/** Codes of 64-bit integers, which are `bigint`. */
export type BigIntegerCode = 'l' | 'L' | 'q' | 'Q' | 'i64' | 'u64';
/** Codes of floating-point numbers of 32 and 64 bits. */
export type FloatCode = 'f' | 'd' | 'f32' | 'f64';
/** What shared values and arrays are made of; `c` is a byte of text. @python The type codes of `multiprocessing.Value`; `u` is not there. */
export type TypeCode = IntegerCode | BigIntegerCode | FloatCode | 'c';

/** What a value of a code is in JavaScript. */
export type ElementOf<C> = C extends BigIntegerCode
  ? bigint
  : C extends 'bool'
    ? boolean
    : C extends 'c'
      ? string
      : C extends 'json'
        ? unknown
        : number;

/** The typed array that holds values of a code. */
export type TypedArrayOf<C> = C extends 'b' | 'i8'
  ? Int8Array
  : C extends 'B' | 'u8' | 'c' | 'bool'
    ? Uint8Array
    : C extends 'h' | 'i16'
      ? Int16Array
      : C extends 'H' | 'u16'
        ? Uint16Array
        : C extends 'i' | 'i32'
          ? Int32Array
          : C extends 'I' | 'u32'
            ? Uint32Array
            : C extends 'l' | 'q' | 'i64'
              ? BigInt64Array
              : C extends 'L' | 'Q' | 'u64'
                ? BigUint64Array
                : C extends 'f' | 'f32'
                  ? Float32Array
                  : Float64Array;

/** Any of those. */
export type AnyTypedArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** How values of a code are stored. */
export interface ElementType {
  /** Its place in `CODES`. */
  readonly number: number;
  readonly code: string;
  readonly kind: 'integer' | 'bigint' | 'float' | 'char' | 'bool';
  /** Of one element. */
  readonly bytes: number;
  readonly view: (buffer: ArrayBuffer, offset: number, length: number) => AnyTypedArray;
  /** Of integers. */
  readonly least: number | bigint;
  readonly most: number | bigint;
}

/**
 * What a code means.
 *
 * @param act Completes "Cannot …".
 * @throws {TypeError} If there is no such code.
 */
export function elementType(code: unknown, act: string): ElementType {
  const found = typeof code === 'string' ? types.get(code) : undefined;
  if (found !== undefined) return found;
  throw new TypeError(`Cannot ${act}: its type must be one of ${CODES.join(' ')}, received ${inspect(code)}`);
}

/** The type with this number. */
export function elementTypeAt(number: number): ElementType {
  return elementType(CODES[number], 'open a shared value');
}

type Row = readonly [codes: string, kind: ElementType['kind'], bytes: number, view: ElementType['view']];

const ROWS: readonly Row[] = [
  ['c', 'char', 1, (buffer, offset, length) => new Uint8Array(buffer, offset, length)],
  ['bool', 'bool', 1, (buffer, offset, length) => new Uint8Array(buffer, offset, length)],
  ['b i8', 'integer', 1, (buffer, offset, length) => new Int8Array(buffer, offset, length)],
  ['B u8', 'integer', 1, (buffer, offset, length) => new Uint8Array(buffer, offset, length)],
  ['h i16', 'integer', 2, (buffer, offset, length) => new Int16Array(buffer, offset, length)],
  ['H u16', 'integer', 2, (buffer, offset, length) => new Uint16Array(buffer, offset, length)],
  ['i i32', 'integer', 4, (buffer, offset, length) => new Int32Array(buffer, offset, length)],
  ['I u32', 'integer', 4, (buffer, offset, length) => new Uint32Array(buffer, offset, length)],
  ['l q i64', 'bigint', 8, (buffer, offset, length) => new BigInt64Array(buffer, offset, length)],
  ['L Q u64', 'bigint', 8, (buffer, offset, length) => new BigUint64Array(buffer, offset, length)],
  ['f f32', 'float', 4, (buffer, offset, length) => new Float32Array(buffer, offset, length)],
  ['d f64', 'float', 8, (buffer, offset, length) => new Float64Array(buffer, offset, length)],
];
/** In the order of their numbers. */
const CODES: readonly string[] = ROWS.flatMap(([codes]) => codes.split(' '));
const types: ReadonlyMap<string, ElementType> = new Map(
  ROWS.flatMap(([codes, kind, bytes, view]) => codes.split(' ').map((code) => [code, typeOf(code, kind, bytes, view)] as const)),
);

function typeOf(code: string, kind: ElementType['kind'], bytes: number, view: ElementType['view']): ElementType {
  const bits = BigInt(bytes * 8);
  const isSigned = /^[a-z](?![a-z])/.test(code) && !code.startsWith('u');
  const least = isSigned ? -(2n ** (bits - 1n)) : 0n;
  const most = isSigned ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  const number = CODES.indexOf(code);
  return kind === 'bigint'
    ? { number, code, kind, bytes, view, least, most }
    : { number, code, kind, bytes, view, least: Number(least), most: Number(most) };
}
