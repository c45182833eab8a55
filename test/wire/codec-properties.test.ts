import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect, isDeepStrictEqual } from 'node:util';
import v8 from 'node:v8';
import fc from 'fast-check';
import { roundTrip } from './codec-support.js';
import { always } from '../support/properties.js';

/** Node 20 holds no invalid Date equal to another. Their text is then compared, without the buffers that typed arrays lie in. */
function same(copy: unknown, value: unknown): boolean {
  return isDeepStrictEqual(copy, value) || inspect(copy, WHOLE) === inspect(value, WHOLE);
}

const WHOLE = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity };

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
  maxDepth: 5,
});

test('encodeValue() keeps any value as it is', () => {
  always(
    fc.property(anything, (value) => same(roundTrip(value), value)),
    1500,
  );
});

test('encodeValue() keeps what v8.serialize() keeps', () => {
  const plain = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  always(
    fc.property(plain, (value) => same(roundTrip(value), v8.deserialize(v8.serialize(value)))),
    500,
  );
});

test('encodeValue() keeps records of any shape in any number', () => {
  const records = fc.array(
    fc.dictionary(fc.string({ maxLength: 6, unit: 'grapheme' }), fc.anything({ maxDepth: 1 }), { maxKeys: 8 }),
    { maxLength: 60 },
  );
  always(
    fc.property(records, (list) => {
      const twice = [...list, ...list.map((record) => ({ ...record })), ...list];
      const copy = roundTrip(twice) as object[];
      assert.ok(same(copy, twice));
      list.forEach((record, i) => assert.deepEqual(Object.keys(copy[i] as object), Object.keys(record)));
    }),
    300,
  );
});

test('encodeValue() keeps any graph of objects', () => {
  const edges = fc.array(fc.tuple(fc.nat(30), fc.nat(30), fc.constantFrom('object', 'map', 'set', 'array')), { maxLength: 80 });
  always(
    fc.property(edges, (list) => {
      const nodes = Array.from({ length: 31 }, (_, id) => ({
        id,
        object: {} as Record<string, unknown>,
        map: new Map(),
        set: new Set(),
        array: [] as unknown[],
      }));
      for (const [from, to, kind] of list) {
        const node = nodes[from];
        const target = nodes[to];
        if (kind === 'object') {
          (node?.object ?? {})[`to${to}`] = target;
        } else if (kind === 'map') {
          node?.map.set(target, target);
        } else if (kind === 'set') {
          node?.set.add(target);
        } else {
          node?.array.push(target);
        }
      }
      const copy = roundTrip(nodes) as typeof nodes;
      for (const [from, to, kind] of list) {
        const node = copy[from];
        const target = copy[to];
        assert.ok(
          kind === 'object'
            ? node?.object[`to${to}`] === target
            : kind === 'map'
              ? node?.map.get(target) === target
              : kind === 'set'
                ? node?.set.has(target)
                : node?.array.includes(target),
        );
      }
      assert.equal(copy.length, nodes.length);
    }),
    200,
  );
});
