/** What the tests of the codec share: a round trip, and values that are hard to keep. */
import assert from 'node:assert/strict';
import type { WireExtension } from '#src/wire/codec-types.js';
import { type DecodeOptions, decodeValue, type EncodeOptions, encodeValue } from '#src/wire/codec.js';
import { SerializationError } from '#src/errors.js';

export function roundTrip(value: unknown, options: EncodeOptions & DecodeOptions = {}): unknown {
  const { buffer, start, end } = encodeValue(value, 'result', options);
  return decodeValue(buffer, start, end, options);
}

/** The bytes of a message, by themselves. */
export function bytesOf(value: unknown): Uint8Array {
  const { buffer, start, end } = encodeValue(value, 'result');
  return new Uint8Array(buffer.subarray(start, end));
}

export function refusal(value: unknown): SerializationError {
  try {
    encodeValue(value, 'result');
  } catch (error) {
    assert.ok(error instanceof SerializationError);
    return error;
  }
  assert.fail('it was sent');
}

/** `depth` objects, each in the one before, made by `wrap`. */
export function nest(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = null;
  for (let i = 0; i < depth; i++) {
    value = wrap(value);
  }
  return value;
}

/** A class instance that an extension knows. */
export class Point {
  x: unknown;
  y: unknown;
  constructor(x: unknown, y: unknown) {
    this.x = x;
    this.y = y;
  }
}

export const pointExtension: WireExtension = {
  tag: 63,
  name: 'Point of the tests',
  matches: (value) => value instanceof Point,
  encode(value, out) {
    const { x, y } = value as Point;
    out.value(x, '.x');
    out.value(y, '.y');
  },
  decode(input) {
    const point = new Point(0, 0);
    input.register(point);
    point.x = input.value();
    point.y = input.value();
    return point;
  },
};

/** Own enumerable properties. */
export function fields(value: object | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value ?? {}));
}

/** An array of which only some items exist. */
export function sparse(length: number, items: Record<number, unknown>): unknown[] {
  return Object.assign(new Array<unknown>(length), items);
}
