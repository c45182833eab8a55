import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DeserializationError } from '#src/errors.js';
import type { WireExtension } from '#src/wire/codec-types.js';
import { decodeArgs, decodeCall, decodeValue, encodeValue, registerExtension } from '#src/wire/codec.js';
import { decodeFailure } from '#src/wire/remote-error.js';
import { TAG } from '#src/wire/tags.js';
import { CRASHERS } from '../fuzz/codec-crashers.js';
import { findingOf, fuzz } from '../fuzz/codec-fuzz.js';
import { bytesOf, nest, Point, pointExtension, roundTrip, sparse } from './codec-support.js';

registerExtension(pointExtension);

function decode(...bytes: number[]): unknown {
  return decodeValue(Uint8Array.from(bytes), 0, bytes.length);
}

/** A varint of 2^53 − 1. */
const HUGE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];

test('decodeValue() rejects lengths that the message has no room for, before it allocates', () => {
  const { BIGINT, VIEW, ERROR, EXTENSION, ...others } = TAG;
  const { UNDEFINED, NULL, FALSE, TRUE, DOUBLE, DATE, BIGINT_64, INTEGER_16, INTEGER_32, ...sized } = others;
  for (const tag of Object.values(sized)) {
    assert.throws(() => decode(0, tag, ...HUGE), DeserializationError, tag.toString(16));
    assert.throws(() => decode(1, tag, ...HUGE, ...HUGE), DeserializationError, tag.toString(16));
  }
  for (const tag of [BIGINT, VIEW]) {
    assert.throws(() => decode(0, tag, 1, ...HUGE), DeserializationError, tag.toString(16));
  }
  for (const [tag, bytes] of [
    [UNDEFINED, 0],
    [NULL, 0],
    [FALSE, 0],
    [TRUE, 0],
    [INTEGER_16, 2],
    [INTEGER_32, 4],
    [DOUBLE, 8],
    [DATE, 8],
    [BIGINT_64, 8],
    [ERROR, 0],
    [EXTENSION, 0],
  ] as const) {
    assert.throws(
      () => decode(0, tag, ...HUGE.slice(0, Math.max(0, bytes - 1)), ...(bytes === 0 ? HUGE : [])),
      DeserializationError,
      tag.toString(16),
    );
  }
});

test('decodeValue() rejects truncated messages, trailing bytes, and unknown tags and flags', () => {
  const bytes = bytesOf([
    { id: 1, name: 'x', at: new Date(), list: [1.5, 'text'.repeat(30), 5n, new Map([[1, /x/]])] },
    new Error('e'),
  ]);
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => decodeValue(bytes, 0, end), DeserializationError);
  }
  assert.throws(() => decode(0, 1, 1), /goes on behind its end/);
  for (let tag = 0xc0; tag <= 0xff; tag++) {
    if (!(Object.values(TAG) as number[]).includes(tag)) {
      assert.throws(() => decode(0, tag), /unknown tag/);
    }
  }
  assert.throws(() => decode(2, 1), /version/);
  assert.throws(() => decodeValue(bytes, 5, 4), DeserializationError);
  assert.throws(() => decodeValue(bytes, 0, bytes.length + 1), DeserializationError);
  assert.throws(() => decodeValue(bytes, Number.NaN, 1), DeserializationError);
});

test('decodeValue() rejects references to nothing, and undefined shapes', () => {
  assert.throws(() => decode(1, TAG.REFERENCE, 0), DeserializationError);
  assert.throws(() => decode(1, TAG.ARRAY, 1, TAG.REFERENCE, 5), DeserializationError);
  assert.throws(() => decode(1, TAG.BOXED, TAG.REFERENCE, 0), DeserializationError);
  assert.throws(() => decode(0, 0x80), DeserializationError);
  assert.throws(() => decode(0, TAG.OBJECT, 9), DeserializationError);
});

test('decodeValue() takes keys of shapes as data: no prototype, no code', () => {
  const key = 'x": (globalThis.pwned = 1), "y';
  for (let i = 0; i < 60; i++) {
    assert.deepEqual(roundTrip({ [key]: 1, '\u2028': 2, '${1}': 3, '`': 4 }), { [key]: 1, '\u2028': 2, '${1}': 3, '`': 4 });
  }
  assert.equal(Reflect.get(globalThis, 'pwned'), undefined);
  // The same key twice, which no writer writes.
  const twice = [0, TAG.SHAPE, 5, 2, 0x41, 97, 0x41, 97, 1, 2];
  for (let i = 0; i < 60; i++) {
    assert.deepEqual(decode(...twice), { a: 2 });
  }
});

test('decodeValue() rejects 100 000 levels, and reads as many as encodeValue() writes', () => {
  for (const level of [
    [TAG.ARRAY, 1],
    [TAG.SET, 1],
    [TAG.MAP, 1, 1],
    [TAG.ENTRIES, 1, 0x41, 97],
    [TAG.BOXED],
    [TAG.ERROR, 0x45, 69, 114, 114, 111, 114, TAG.UNDEFINED, 1, 0x41, 97],
  ]) {
    const bytes = Uint8Array.from([0, ...Array.from({ length: 100_000 }, () => level).flat(), 1]);
    assert.throws(() => decodeValue(bytes, 0, bytes.length), DeserializationError);
  }
  const shapes = Uint8Array.from([0, TAG.SHAPE, 3, 1, 0x41, 97, ...Array.from({ length: 100_000 }, () => 0x80), 1]);
  assert.throws(() => decodeValue(shapes, 0, shapes.length), DeserializationError);
  const deepest = nest(499, (v) => [v, { v }]);
  assert.ok(roundTrip(deepest));
});

test('decodeValue() makes long sparse arrays without memory for their holes', () => {
  const before = process.memoryUsage().rss;
  const arrays = Array.from(
    { length: 20 },
    () => decode(0, TAG.ARRAY, 0x80, 0x80, 0x80, 0x0f, TAG.HOLES, 0x80, 0x80, 0x80, 0x0f) as unknown[],
  );
  assert.equal(arrays[0]?.length, 31_457_280);
  assert.ok(process.memoryUsage().rss - before < 100_000_000);
  assert.throws(() => decode(0, TAG.ARRAY, 2, TAG.HOLES, 0), DeserializationError);
  assert.throws(() => decode(0, TAG.ARRAY, 2, TAG.HOLES, 3), DeserializationError);
});

test('decodeValue() rejects runs of items that are too long, empty, cut short or unknown, or stand alone', () => {
  for (const run of [
    [TAG.NUMBERS, 0, 0],
    [TAG.NUMBERS, 0, 3, 1, 2, 3],
    [TAG.NUMBERS, 4, 1, 1],
    [TAG.NUMBERS, 3, 1, 1, 1, 1],
    [TAG.NUMBERS, 2, ...HUGE],
    [TAG.TEXTS, 0],
    [TAG.TEXTS, 3, 0, 0, 0],
    [TAG.TEXTS, 2, 1, 5, 97],
    [TAG.TEXTS, 1, 200, 97],
    [TAG.TEXTS, ...HUGE],
    [TAG.HOLES, ...HUGE],
  ]) {
    assert.throws(() => decode(0, TAG.ARRAY, 2, ...run), DeserializationError, String(run));
    assert.throws(() => decode(0, ...run), DeserializationError, String(run));
    assert.throws(() => decode(0, TAG.SET, 1, ...run), DeserializationError, String(run));
  }
  const runs = decode(0, TAG.ARRAY, 5, TAG.NUMBERS, 0, 2, 1, 0xff, TAG.HOLES, 1, TAG.TEXTS, 2, 1, 0, 97);
  assert.deepEqual(runs, sparse(5, { 0: 1, 1: -1, 3: 'a', 4: '' }));
  const tooMany = [TAG.ARRAY, 0x81, 0x08, TAG.NUMBERS, 0, 0x81, 0x08, ...new Array<number>(1025).fill(1)];
  assert.throws(() => decode(0, ...tooMany), /too long/);
});

const PLAIN = { a: [1, 'x', 2n, null, true, new Map([[1, new Set([2])]]), new Date(5), Buffer.from('b'), new Error('e')] };

test('decodeValue() with limits takes data and errors, and nothing that can do harm', () => {
  const limits = { limits: {} };
  assert.deepEqual(roundTrip(PLAIN, limits), PLAIN);
  assert.deepEqual(roundTrip([PLAIN, PLAIN], limits), [PLAIN, PLAIN]);
  for (const value of [/x/, sparse(3, { 0: 1 }), new Array(4_294_967_295), new Point(1, 2), { deep: [new Point(1, 2)] }]) {
    assert.throws(() => roundTrip(value, limits), /not taken from this sender/);
  }
});

test('decodeValue() with limits bounds depth and objects', () => {
  assert.ok(
    roundTrip(
      nest(256, (v) => [v]),
      { limits: {} },
    ),
  );
  assert.throws(
    () =>
      roundTrip(
        nest(257, (v) => [v]),
        { limits: {} },
      ),
    /deeper than 256/,
  );
  assert.throws(
    () =>
      roundTrip(
        nest(257, (v) => ({ v })),
        { limits: {} },
      ),
    /deeper than 256/,
  );
  assert.throws(
    () =>
      roundTrip(
        nest(4, (v) => new Map([[1, v]])),
        { limits: { depth: 3 } },
      ),
    /deeper than 3/,
  );
  assert.throws(
    () =>
      roundTrip(
        nest(999, (v) => [[v]]),
        { limits: { depth: 5000 } },
      ),
    /nested/,
  );
  for (const value of [
    Array.from({ length: 11 }, () => ({ a: 1 })),
    Array.from({ length: 11 }, () => []),
    Array.from({ length: 11 }, () => new Map()),
  ]) {
    assert.throws(() => roundTrip(value, { limits: { objects: 11 } }), /too many objects/);
    assert.deepEqual(roundTrip(value, { limits: { objects: 12 } }), value);
  }
  const million = Uint8Array.from([
    0,
    TAG.ARRAY,
    0xc1,
    0x84,
    0x3d,
    ...new Array<number>(1_000_001).fill(TAG.BUFFER).flatMap((tag) => [tag, 0]),
  ]);
  assert.throws(() => decodeValue(million, 0, million.length, { limits: {} }), /too many objects/);
});

test('decodeValue() with limits makes no code for shapes', () => {
  const script = `
    import { decodeValue, encodeValue } from '#src/wire/codec.js';
    let made = 0;
    globalThis.Function = class extends Function { constructor(...args) { super(...args); made++; } };
    const list = Array.from({ length: 200 }, (_, id) => ({ id, name: 'n' + id }));
    const { buffer, start, end } = encodeValue(list, 'v');
    decodeValue(buffer, start, end, { limits: {} });
    const limited = made;
    decodeValue(buffer, start, end);
    if (limited !== 0 || made === 0) process.exit(3);`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('decodeValue() wraps what an extension or a constructor throws', () => {
  const boom = new Error('boom');
  const broken: WireExtension = {
    tag: 62,
    name: 'broken',
    matches: () => false,
    encode: () => undefined,
    decode() {
      throw boom;
    },
  };
  registerExtension(broken);
  assert.throws(
    () => decode(0, TAG.EXTENSION, 62),
    (error) => error instanceof DeserializationError && error.cause === boom,
  );
  assert.throws(() => decode(0, TAG.EXTENSION, 61), /extension 61/);
  assert.throws(
    () => decode(0, TAG.REGEXP, 0x41, 40, 0x40),
    (error) => error instanceof DeserializationError && error.cause instanceof SyntaxError,
  );
  assert.throws(() => decode(0, TAG.URL, 0x41, 40), DeserializationError);
  assert.throws(() => decode(0, TAG.VIEW, 8, 3, 1, 1, 1), /3 bytes make no Float64Array/);
});

test('registerExtension() refuses a bad or taken tag, and takes the same extension twice', () => {
  const extension = (tag: number): WireExtension => ({
    tag,
    name: 'e',
    matches: () => false,
    encode: () => undefined,
    decode: () => ({}),
  });
  assert.throws(() => registerExtension(extension(64)), RangeError);
  assert.throws(() => registerExtension(extension(-1)), RangeError);
  const taken = extension(60);
  registerExtension(taken);
  registerExtension(taken);
  assert.throws(() => registerExtension(extension(60)), TypeError);
});

test('encodeValue() and decodeValue() use only the extensions that are allowed', () => {
  class Allowed {}
  const extension: WireExtension = {
    tag: 59,
    name: 'allowed',
    matches: (value) => value instanceof Allowed,
    encode: () => undefined,
    decode: (input) => {
      const value = new Allowed();
      input.register(value);
      return value;
    },
  };
  registerExtension(extension);
  const { buffer, start, end } = encodeValue(new Allowed(), 'v');
  assert.ok(decodeValue(buffer, start, end) instanceof Allowed);
  assert.throws(() => encodeValue(new Allowed(), 'v', { allow: () => false }), /instance of Allowed/);
  assert.throws(() => decodeValue(buffer, start, end, { allow: () => false }), /extension allowed/);
});

test('decodeArgs(), decodeCall() and decodeFailure() reject garbage as well', () => {
  for (const bytes of [[], [0], [0, 0xff], [0, ...HUGE], [0, 1, TAG.ARRAY, ...HUGE]]) {
    const message = Uint8Array.from(bytes);
    assert.throws(() => decodeArgs(message, 0, message.length), DeserializationError);
    assert.throws(() => decodeCall(message, 0, message.length), DeserializationError);
    assert.ok(decodeFailure(message, 0, message.length) instanceof DeserializationError);
  }
});

test('decodeValue() only ever throws DeserializationError, whatever happens to the bytes', () => {
  const { runs, failures } = fuzz(4000, 1);
  assert.equal(runs, 4000);
  assert.deepEqual(failures, []);
});

test('decodeValue() survives every message that did harm once', () => {
  for (const [name, hex] of Object.entries(CRASHERS)) {
    assert.match(hex, /^([0-9a-f]{2})*$/, name);
    assert.equal(findingOf(hex), undefined, name);
  }
});

test('decodeValue() works where code may not be made from strings', () => {
  const script = `
    import { decodeValue, encodeValue } from '#src/wire/codec.js';
    const list = Array.from({ length: 200 }, (_, id) => ({ id, name: 'n' + id }));
    const { buffer, start, end } = encodeValue([list, list], 'v');
    const copy = decodeValue(buffer, start, end);
    if (JSON.stringify(copy[0]) !== JSON.stringify(list) || copy[0] !== copy[1]) process.exit(3);`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script],
    { cwd, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
});
