/**
 * Properties of shared values, arrays, records and lists: whatever is put in comes out, or is refused and changes nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { SharedArray, Struct, type TypeCode, Value } from '#src/index.js';
import { type Shareable, ShareableList } from '#src/memory/index.js';
import { having } from './memory-support.js';
import { always } from '../support/properties.js';

interface Integers {
  readonly bits: number;
  readonly signed: boolean;
  readonly big: boolean;
}

const INTEGERS: Readonly<Record<string, Integers>> = {
  b: { bits: 8, signed: true, big: false },
  i8: { bits: 8, signed: true, big: false },
  B: { bits: 8, signed: false, big: false },
  u8: { bits: 8, signed: false, big: false },
  h: { bits: 16, signed: true, big: false },
  i16: { bits: 16, signed: true, big: false },
  H: { bits: 16, signed: false, big: false },
  u16: { bits: 16, signed: false, big: false },
  i: { bits: 32, signed: true, big: false },
  i32: { bits: 32, signed: true, big: false },
  I: { bits: 32, signed: false, big: false },
  u32: { bits: 32, signed: false, big: false },
  l: { bits: 64, signed: true, big: true },
  q: { bits: 64, signed: true, big: true },
  i64: { bits: 64, signed: true, big: true },
  L: { bits: 64, signed: false, big: true },
  Q: { bits: 64, signed: false, big: true },
  u64: { bits: 64, signed: false, big: true },
};

const integerCode = fc.constantFrom(...Object.keys(INTEGERS)) as fc.Arbitrary<TypeCode>;
const floatCode = fc.constantFrom<TypeCode>('f', 'f32', 'd', 'f64');
const anyCode = fc.oneof({ weight: 3, arbitrary: integerCode }, floatCode, fc.constant<TypeCode>('c'));

/** What integers of a code wrap to. */
function wrapped(code: string, value: bigint): bigint {
  const { bits, signed } = INTEGERS[code] as Integers;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

function ofCode(code: string, value: bigint): number | bigint {
  return INTEGERS[code]?.big === true ? value : Number(value);
}

/** A value that a code takes. */
function valueOf(code: string): fc.Arbitrary<number | bigint | string> {
  if (code === 'c') return fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte));
  if (code === 'f' || code === 'f32') return fc.float();
  if (code === 'd' || code === 'f64') return fc.double();
  return fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map((value) => ofCode(code, wrapped(code, value)));
}

const coded = anyCode.chain((code) => fc.tuple(fc.constant(code), valueOf(code)));

test('a value gives back what its type takes, and the same as an array of one and a record of one', () => {
  always(
    fc.property(coded, ([code, given]) => {
      const value = new Value(code);
      value.value = given as never;
      const array = new SharedArray(code, [given] as never);
      const record = new Struct({ field: code }, { init: { field: given as never } });
      for (const back of [value.value, new Value(code, given as never).value, array.at(0), [...array][0], record.field])
        assert.ok(Object.is(back, given), `${code}: ${inspect(given)} came back as ${inspect(back)}`);
    }),
    300,
  );
});

test('an integer beyond its range is refused and changes nothing; add() wraps it as integers of that size do', () => {
  const numbers = fc.oneof(fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }), fc.bigInt({ min: -300n, max: 300n }));
  always(
    fc.property(integerCode, numbers, numbers, (code, first, second) => {
      const before = ofCode(code, wrapped(code, first));
      const value = new Value(code, before as never);
      const given = ofCode(code, second);
      if (wrapped(code, second) === second) {
        value.value = given as never;
        assert.equal(value.value, given);
        value.value = before as never;
      } else {
        assert.throws(() => (value.value = given as never), RangeError);
        assert.throws(() => value.getObj() && new SharedArray(code, [given] as never), RangeError);
        assert.equal(value.value, before);
      }
      const most = 2n ** BigInt((INTEGERS[code] as Integers).bits - 1) - 1n;
      const step = second > most ? most : second < -most ? -most : second;
      assert.equal(value.add(ofCode(code, step) as never), before);
      assert.equal(value.value, ofCode(code, wrapped(code, BigInt(before) + step)));
    }),
    500,
  );
});

test('a record keeps its fields apart, in whatever order and of whatever types they are', () => {
  const fields = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 6 }), anyCode), {
    selector: ([name]) => name,
    maxLength: 12,
  });
  const plan = fields
    .map((list) => list.filter(([name]) => !['getLock', 'constructor', '__proto__'].includes(name)))
    .chain((list) =>
      fc.record({
        list: fc.constant(list),
        sets:
          list.length === 0
            ? fc.constant([])
            : fc.array(
                fc.constantFrom(...list).chain(([name, code]) => fc.tuple(fc.constant(name), valueOf(code))),
                { maxLength: 30 },
              ),
      }),
    );
  always(
    fc.property(plan, ({ list, sets }) => {
      const record = new Struct(Object.fromEntries(list)) as Record<string, unknown>;
      const model: Record<string, unknown> = { ...record };
      for (const [name, value] of sets) {
        record[name] = value;
        model[name] = value;
        assert.deepEqual({ ...record }, model);
      }
    }),
    200,
  );
});

test('an array is what an array of the language is: at, set, slice, fill, iteration', () => {
  const act = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      at: fc.integer({ min: -12, max: 12 }),
      value: fc.integer({ min: -128, max: 127 }),
    }),
    fc.record({
      kind: fc.constant('fill' as const),
      value: fc.integer({ min: -128, max: 127 }),
      from: fc.integer({ min: -12, max: 12 }),
      to: fc.integer({ min: -12, max: 12 }),
    }),
  );
  const items = fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 10 });
  always(
    fc.property(items, fc.array(act, { maxLength: 20 }), (init, acts) => {
      const shared = new SharedArray('b', init);
      const model = [...init];
      for (const each of acts) {
        if (each.kind === 'fill') {
          shared.fill(each.value, each.from, each.to);
          model.fill(each.value, each.from, each.to);
        } else if (model.at(each.at) === undefined) assert.throws(() => shared.set(each.at, each.value), RangeError);
        else {
          shared.set(each.at, each.value);
          model.splice(each.at, 1, each.value);
        }
        assert.deepEqual([...shared], model);
        for (const at of [-11, -1, 0, 3, 11]) assert.equal(shared.at(at), model.at(at));
        assert.deepEqual(Array.from(shared.slice(-3, 2)), model.slice(-3, 2));
      }
    }),
    300,
  );
});

/** Texts and bytes that do not end with NUL. */
const text = fc.string({ unit: 'binary', maxLength: 30 }).filter((each) => !each.endsWith('\0'));
const bytes = fc.uint8Array({ maxLength: 30 }).filter((each) => each.at(-1) !== 0);
const item: fc.Arbitrary<Shareable> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  text,
  bytes,
);

/** How an item is read: an integer that a number can be exactly is one. */
function asRead(each: Shareable): Shareable {
  return typeof each === 'bigint' && Number.isSafeInteger(Number(each)) ? Number(each) : each;
}

const roomOf = (each: Shareable) =>
  typeof each === 'string' || each instanceof Uint8Array ? (Math.floor(Buffer.byteLength(each) / 8) + 1) * 8 : 8;

test('a list gives back its items, here and where it is opened by its name, whatever replaces them', async () => {
  const plan = fc.tuple(
    fc.array(item, { maxLength: 12 }),
    fc.array(fc.tuple(fc.integer({ min: -13, max: 13 }), item), { maxLength: 12 }),
  );
  await always(
    fc.asyncProperty(plan, async ([items, sets]) => {
      const list = new ShareableList(items);
      await having(list.shm, () => {
        const model = items.map(asRead);
        const rooms = items.map(roomOf);
        const other = new ShareableList(undefined, { name: list.shm.name });
        for (const [at, each] of sets) {
          const place = at < 0 ? at + model.length : at;
          const fits =
            !(typeof each === 'string' || each instanceof Uint8Array) || Buffer.byteLength(each) <= (rooms[place] ?? -1);
          if (place in model && fits) {
            list.set(at, each);
            model[place] = asRead(each);
          } else assert.throws(() => list.set(at, each), RangeError);
          assert.deepEqual([...other], model);
        }
        assert.deepEqual([...list], model);
        assert.equal(other.length, model.length);
        for (const [place, each] of model.entries()) {
          assert.ok(other.count(each) >= (Number.isNaN(each) ? 0 : 1));
          if (!Number.isNaN(each)) assert.ok(other.indexOf(each) <= place);
        }
        other.shm.close();
      });
    }),
    200,
  );
});

test('memory that is anything at all is read as a list or refused, never read beyond its end', async () => {
  const words = fc.array(fc.oneof(fc.bigInt({ min: -4n, max: 40n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), {
    minLength: 3,
    maxLength: 16,
  });
  await always(
    fc.asyncProperty(words, async (given) => {
      const good = new ShareableList(['text', 5, null]);
      await having(good.shm, ({ buffer, name }) => {
        new BigInt64Array(buffer, 0, Math.min(given.length, Math.floor(buffer.byteLength / 8))).set(
          given.slice(0, Math.floor(buffer.byteLength / 8)),
        );
        let list: ShareableList | undefined;
        try {
          list = new ShareableList(undefined, { name });
          assert.ok(list.length * 9 + 16 <= buffer.byteLength);
          assert.equal([...list].length, list.length);
        } catch (error) {
          assert.equal((error as Error).name, 'ProtocolError');
        }
        list?.shm.close();
      });
    }),
    200,
  );
});
