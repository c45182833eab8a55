import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect, types } from 'node:util';
import vm from 'node:vm';
import { decodeArgs, decodeCall, decodeValue, encodeArgs, encodeCall, encodeValue, registerExtension } from '#src/wire/codec.js';
import { MessageTooLargeError } from '#src/errors.js';
import { nest, Point, pointExtension, roundTrip, sparse } from './codec-support.js';

registerExtension(pointExtension);

test('encodeValue() keeps -0, NaN and every boundary of its number formats', () => {
  const powers = Array.from({ length: 64 }, (_, i) => 2 ** i);
  const numbers = [0, -0, Number.NaN, Infinity, -Infinity, 0.1, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER];
  for (const base of [...powers, ...numbers]) {
    for (const value of [base, base - 1, base + 1, -base, -base - 1, -base + 1]) {
      assert.ok(Object.is(roundTrip(value), value), String(value));
    }
  }
});

test('encodeValue() keeps primitives', () => {
  for (const value of [undefined, null, true, false]) {
    assert.equal(roundTrip(value), value);
  }
});

test('encodeValue() keeps bigints of any size', () => {
  for (let bits = 0n; bits < 300n; bits += 7n) {
    for (const value of [1n << bits, (1n << bits) - 1n, -(1n << bits), -(1n << bits) - 1n]) {
      assert.equal(roundTrip(value), value);
    }
  }
});

test('encodeValue() keeps many short strings of different lengths side by side, among other data', () => {
  const lengths = Array.from({ length: 300 }, (_, i) => (i * 29) % 66);
  const strings = lengths.map((length, i) => String.fromCharCode(0x30 + (i % 0xc0)).repeat(length));
  const mixed = strings.map((text, i) => (i % 7 === 0 ? [text, i * 1.5, Buffer.alloc(i)] : { text, n: i }));
  assert.deepEqual(roundTrip(strings), strings);
  assert.deepEqual(roundTrip(mixed), mixed);
});

test('encodeValue() keeps strings of every length and alphabet, lone surrogates too', () => {
  for (const unit of ['a', 'é', 'ÿ', 'Ā', '日', '😀', '\ud800', '\udc00', '\0']) {
    for (const length of [0, 1, 2, 4, 12, 13, 20, 21, 22, 63, 64, 65, 1000, 70_000]) {
      for (const text of [unit.repeat(length), `${'x'.repeat(length)}${unit}`, `${unit}${'x'.repeat(length)}`]) {
        assert.equal(roundTrip(text), text);
      }
    }
  }
});

test('encodeValue() keeps the order of keys, and keys of every kind', () => {
  const object = { b: 1, 10: 2, a: 3, 9: 4, '': 5, 'a b': 6, ключ: 7, constructor: 8, toString: 9 };
  assert.deepEqual(roundTrip(object), object);
  assert.deepEqual(Object.keys(roundTrip(object) as object), Object.keys(object));
});

test('encodeValue() keeps __proto__ as a key of its own and pollutes nothing', () => {
  const object: unknown = JSON.parse('{"__proto__":{"polluted":1},"a":2}');
  for (let i = 0; i < 40; i++) {
    const copy = roundTrip(object) as object;
    assert.equal(Object.getPrototypeOf(copy), Object.prototype);
    assert.deepEqual(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value, { polluted: 1 });
  }
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  const bare = Object.assign(Object.create(null), { a: 1 });
  Object.defineProperty(bare, '__proto__', { value: 5, enumerable: true });
  assert.equal(Object.getPrototypeOf(roundTrip(bare)), null);
  assert.deepEqual(Object.entries(roundTrip(bare) as object), [
    ['a', 1],
    ['__proto__', 5],
  ]);
});

test('encodeValue() drops symbol keys and hidden properties, and evaluates getters once', () => {
  let calls = 0;
  const object = Object.defineProperty(
    {
      get now() {
        return ++calls;
      },
      [Symbol('s')]: 1,
    },
    'hidden',
    { value: 1 },
  );
  assert.deepEqual(roundTrip(object), { now: 1 });
  assert.equal(calls, 1);
});

test('encodeValue() leaves out what Object.prototype was polluted with', () => {
  Reflect.set(Object.prototype, 'polluted', 1);
  try {
    assert.deepEqual(Object.keys(roundTrip({ a: 1 }) as object), ['a']);
    assert.deepEqual(
      Object.keys(roundTrip(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, i]))) as object).length,
      60,
    );
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted');
  }
});

test('encodeValue() keeps objects with more keys than a shape has', () => {
  for (const size of [47, 48, 49, 200, 5000]) {
    const object = Object.fromEntries(Array.from({ length: size }, (_, i) => [`key${i}`, { i }]));
    assert.deepEqual(roundTrip([object, object, { ...object }]), [object, object, object]);
  }
});

test('encodeValue() keeps more shapes than fit into one byte, and dictionaries without end', () => {
  const list = Array.from({ length: 200 }, (_, i) => ({ [`a${i}`]: i, same: 1 }));
  const twice = [...list, ...list.map((object) => ({ ...object }))];
  assert.deepEqual(roundTrip(twice), twice);
  for (let round = 0; round < 30; round++) {
    const words = Array.from({ length: 100 }, (_, i) => ({ [`w${round}_${i}`]: i, [`v${round}_${i}`]: i }));
    assert.deepEqual(roundTrip(words), words);
  }
});

test('encodeValue() keeps arrays with holes, of any length, and with further properties', () => {
  const long: unknown[] = sparse(0, { 5: 1, 4294967293: 2 });
  const holes = sparse(2000, { 1: 1, 500: 2 });
  const many = Array.from({ length: 300 }, (_, i) => i);
  Reflect.deleteProperty(many, 299);
  Reflect.deleteProperty(many, 7);
  for (const array of [
    [],
    sparse(3, { 0: 1, 2: 3 }),
    sparse(3, {}),
    sparse(2, { 1: 1 }),
    sparse(2, { 0: 1 }),
    holes,
    many,
    new Array(100),
    Object.assign([1, 2], { index: 0 }),
    Object.assign([...many], { extra: [1] }),
    'abc'.match(/b/),
  ]) {
    assert.deepEqual(roundTrip(array), array === null ? null : structuredClone(array));
  }
  const copy = roundTrip(long) as number[];
  assert.deepEqual([copy.length, Object.keys(copy)], [4_294_967_294, ['5', '4294967293']]);
  const empty = roundTrip(new Array(4_294_967_295)) as unknown[];
  assert.deepEqual([empty.length, Object.keys(empty)], [4_294_967_295, []]);
  assert.deepEqual(Object.keys(roundTrip(Object.assign([], { '01': 1, '-1': 2, 4294967295: 3 })) as object).sort(), [
    '-1',
    '01',
    '4294967295',
  ]);
});

test('encodeValue() keeps arrays of numbers of every width, alone and beside other items', () => {
  const limits = [0, 127, 128, 32_767, 32_768, 2 ** 31 - 1, 2 ** 31, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1];
  for (const length of [1, 7, 8, 9, 31, 33, 1023, 1024, 1025, 5000]) {
    for (const limit of limits) {
      const list = Array.from({ length }, (_, i) => (i === length >> 1 ? limit : i % 100));
      assert.deepEqual(roundTrip(list), list);
      assert.deepEqual(roundTrip([...list, 'text', ...list, null, limit]), [...list, 'text', ...list, null, limit]);
    }
    for (const odd of [-0, Number.NaN, 0.5, Infinity, 5e-324]) {
      for (const at of [0, 3, length - 1]) {
        const list = Array.from({ length }, (_, i) => (i === at ? odd : i));
        assert.ok(
          (roundTrip(list) as number[]).every((number, i) => Object.is(number, list[i])),
          `${odd} at ${at} of ${length}`,
        );
      }
    }
  }
});

test('encodeValue() keeps arrays of texts, alone and beside other items', () => {
  for (const length of [1, 3, 4, 5, 127, 128, 129, 1000]) {
    for (const odd of ['', 'é', '日', '\ud800', 'x'.repeat(255), 'x'.repeat(256), 'y'.repeat(5000), 5, null, { a: 'b' }]) {
      const list = Array.from({ length }, (_, i) => (i === length >> 1 ? odd : `text number ${i}`.repeat(i % 4)));
      assert.deepEqual(roundTrip(list), list);
      assert.deepEqual(roundTrip({ list, again: list }), { list, again: list });
    }
  }
});

test('encodeValue() keeps holes between numbers and texts', () => {
  for (const item of [1, 1.5, 'text']) {
    const list = Object.assign(new Array<unknown>(60).fill(item, 0, 20).fill(item, 30, 50));
    const copy = roundTrip(list) as unknown[];
    assert.deepEqual(Object.keys(copy), Object.keys(list));
    assert.deepEqual(copy, list);
    const withExtra = Object.assign([...list], { extra: 1 });
    assert.deepEqual(roundTrip(withExtra), withExtra);
  }
});

test('encodeValue() keeps an array whose getter encodes another one', () => {
  for (const inner of [Array.from({ length: 20 }, (_, i) => i), Array.from({ length: 20 }, (_, i) => `inner ${i}`)]) {
    const outer: unknown[] = inner.map((item) => (typeof item === 'number' ? item + 1000 : `outer ${item}`));
    const expected = [...outer];
    const item = outer[10];
    Object.defineProperty(outer, 10, {
      enumerable: true,
      get() {
        assert.deepEqual(roundTrip(inner), inner);
        return item;
      },
    });
    assert.deepEqual(roundTrip(outer), expected);
  }
});

test('encodeValue() keeps maps, sets, dates, regular expressions and boxes', () => {
  const values = [
    new Map<unknown, unknown>([
      [1, { a: 1 }],
      ['k', new Map()],
      [Number.NaN, undefined],
    ]),
    new Set<unknown>([1, 'a', [2], -0]),
    new Date(1_700_000_000_123),
    new Date(-1),
    /a\/b[\n]/giu,
    new RegExp(''),
    Object(1),
    Object('text'),
    Object(false),
    Object(12n),
  ];
  for (const value of values) {
    assert.deepEqual(roundTrip(value), value);
  }
  assert.ok(Number.isNaN((roundTrip(new Date(Number.NaN)) as Date).getTime()));
  const used = /x/g;
  used.lastIndex = 3;
  assert.equal((roundTrip(used) as RegExp).lastIndex, 0);
});

test('encodeValue() keeps bytes of every kind, of views only their own', () => {
  const backing = Uint8Array.from({ length: 5000 }, (_, i) => i);
  for (const size of [0, 1, 8, 100, 4096]) {
    for (const View of [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ]) {
      const view = new View(backing.buffer, 8, Math.floor(size / View.BYTES_PER_ELEMENT));
      const copy = roundTrip(view) as typeof view;
      assert.deepEqual(copy, view);
      assert.equal(copy.buffer.byteLength, view.byteLength);
    }
    assert.deepEqual(roundTrip(new DataView(backing.buffer, 3, size)), new DataView(backing.buffer, 3, size));
    assert.deepEqual(roundTrip(backing.buffer.slice(0, size)), backing.buffer.slice(0, size));
    const buffer = Buffer.from(backing.subarray(0, size));
    assert.ok(Buffer.isBuffer(roundTrip(buffer)));
    assert.deepEqual(roundTrip(buffer), buffer);
  }
});

test('encodeValue() keeps a Float16Array where the runtime has it', (context) => {
  const Float16: unknown = Reflect.get(globalThis, 'Float16Array');
  if (typeof Float16 !== 'function') {
    context.skip('no Float16Array');
    return;
  }
  const value: unknown = Reflect.construct(Float16, [[1.5, -2]]);
  assert.deepEqual(roundTrip(value), value);
});

test('encodeValue() keeps URL and URLSearchParams', () => {
  const url = roundTrip(new URL('https://user@host/a?b=c#d')) as URL;
  assert.ok(url instanceof URL);
  assert.equal(url.href, 'https://user@host/a?b=c#d');
  assert.equal(String(roundTrip(new URLSearchParams('a=1&a=2&b=%20'))), 'a=1&a=2&b=+');
});

test('encodeValue() sends process.env and arguments objects as data', () => {
  assert.deepEqual(roundTrip(process.env), { ...process.env });
  const collect: (...args: unknown[]) => IArguments = function () {
    return arguments;
  };
  assert.deepEqual(roundTrip(collect(1, { a: 2 })), [1, { a: 2 }]);
  assert.deepEqual(roundTrip(collect()), []);
});

test('encodeValue() keeps cycles and shared references, in small messages and large ones', () => {
  for (const size of [1, 10, 15, 16, 17, 40, 3000]) {
    const shared = { shared: true };
    const list: unknown[] = Array.from({ length: size }, (_, i) => ({ i, shared }));
    list.push(list, new Map<unknown, unknown>([[list, list]]), new Set([list]), list[0], list[size - 1]);
    const copy = roundTrip(list) as unknown[];
    assert.equal(copy[size], copy);
    assert.ok((copy[size + 1] as Map<unknown, unknown>).get(copy) === copy);
    assert.ok((copy[size + 2] as Set<unknown>).has(copy));
    assert.equal(copy[size + 3], copy[0]);
    assert.equal(copy[size + 4], copy[size - 1]);
    assert.ok(
      copy.slice(0, size).every((item) => (item as { shared: unknown }).shared === (copy[0] as { shared: unknown }).shared),
    );
  }
});

test('encodeValue() keeps the identity of objects of every kind', () => {
  const url = new URL('x:y');
  for (const value of [
    new Date(0),
    /x/,
    url,
    Object(1),
    new Uint8Array(2),
    Buffer.alloc(2),
    new ArrayBuffer(1),
    new Error('e'),
    new Point(1, 2),
    Object.create(null),
    new URLSearchParams(),
  ]) {
    const copy = roundTrip([value, {}, value]) as unknown[];
    assert.equal(copy[0], copy[2]);
    assert.notEqual(copy[0], copy[1]);
  }
});

test('encodeValue() keeps cycles through extensions, errors and null prototypes', () => {
  const point = new Point(0, 0);
  point.x = { point, more: new Point(point, [point]) };
  const copy = roundTrip([{}, point, {}]) as [unknown, Point, unknown];
  const x = copy[1].x as { point: Point; more: Point };
  assert.equal(x.point, copy[1]);
  assert.equal(x.more.x, copy[1]);
  const bare: { self?: unknown } = Object.create(null);
  bare.self = bare;
  const bareCopy = roundTrip(bare) as typeof bare;
  assert.equal(bareCopy.self, bareCopy);
});

test('encodeValue() takes objects of other realms as what they are', () => {
  const value: Record<string, object> = vm.runInNewContext(
    '({ plain: { a: { b: 1 } }, array: [1, , 3], map: new Map([[1, 2]]), set: new Set([1]), date: new Date(5), regexp: /x/g, bytes: new Uint8Array([1]), box: Object(1), error: new RangeError("r"), nothing: null })',
  );
  const copy = roundTrip(value) as Record<string, object>;
  assert.deepEqual(copy['plain'], { a: { b: 1 } });
  assert.equal(Object.getPrototypeOf(copy['array']), Array.prototype);
  assert.deepEqual(
    [copy['map'], copy['set'], copy['date'], copy['regexp']],
    [new Map([[1, 2]]), new Set([1]), new Date(5), /x/g],
  );
  assert.deepEqual([copy['bytes'], copy['box']], [new Uint8Array([1]), Object(1)]);
  assert.ok(copy['error'] instanceof RangeError);
});

test('encodeValue() gives messages that do not change, beside each other and larger than a slab', () => {
  const values = Array.from({ length: 400 }, (_, i) => ({
    i,
    text: 'x'.repeat((i * 37) % 3000),
    bytes: Buffer.alloc(i % 50 === 0 ? 200_000 : 3, i),
  }));
  const messages = values.map((value) => encodeValue(value, 'v'));
  messages.forEach(({ buffer, start, end }, index) => assert.deepEqual(decodeValue(buffer, start, end), values[index]));
});

test('encodeValue() leaves the header bytes in front of the message free', () => {
  for (const size of [10, 100_000]) {
    const first = encodeValue('before', 'v');
    const { buffer, start, end } = encodeValue('x'.repeat(size), 'v', { headerBytes: 12 });
    buffer.fill(0xff, start - 12, start);
    assert.equal(decodeValue(first.buffer, first.start, first.end), 'before');
    assert.equal(decodeValue(buffer, start, end), 'x'.repeat(size));
  }
});

test('encodeValue() rejects with MessageTooLargeError exactly above maxBytes', () => {
  const value = 'x'.repeat(1000);
  const { start, end } = encodeValue(value, 'v');
  assert.equal(roundTrip(value, { maxBytes: end - start }), value);
  assert.throws(() => encodeValue(value, 'v', { maxBytes: end - start - 1 }), MessageTooLargeError);
  assert.throws(() => encodeValue([Buffer.alloc(1 << 20)], 'v', { maxBytes: 1 << 20 }), MessageTooLargeError);
  assert.equal(roundTrip('next'), 'next');
});

test('encodeValue() survives values that encode others while they are read', () => {
  const value = {
    a: {
      get inner() {
        return roundTrip({ deep: [1, { b: 2 }] });
      },
    },
    c: 3,
  };
  assert.deepEqual(roundTrip([value, value]), [
    { a: { inner: { deep: [1, { b: 2 }] } }, c: 3 },
    { a: { inner: { deep: [1, { b: 2 }] } }, c: 3 },
  ]);
});

const cause = (v: unknown) => new Error('e', { cause: v });

test('encodeValue() keeps 999 levels of data, and 500 of causes', () => {
  for (const wrap of [
    (v: unknown) => [v],
    (v: unknown) => ({ v }),
    (v: unknown) => new Map([[1, v]]),
    (v: unknown) => new Set([v]),
    (v: unknown) => new Point(v, 1),
    cause,
  ]) {
    const value = nest(wrap === cause ? 500 : 999, wrap);
    const { buffer, start, end } = encodeValue(value, 'v');
    assert.ok(decodeValue(buffer, start, end));
  }
});

test('decodeValue() copies bytes, unless it owns them and they are most of the message', () => {
  const { buffer, start, end } = encodeValue({ bytes: Buffer.alloc(100_000, 1) }, 'v');
  const own = new Uint8Array(buffer.subarray(start, end));
  const copy = decodeValue(own, 0, own.length) as { bytes: Buffer };
  const view = decodeValue(own, 0, own.length, { owned: true }) as { bytes: Buffer };
  assert.notEqual(copy.bytes.buffer, own.buffer);
  assert.equal(view.bytes.buffer, own.buffer);
  assert.deepEqual(copy, view);
});

test('decodeArgs() and decodeCall() give what encodeArgs() and encodeCall() took', () => {
  const shared = { a: 1 };
  const args = encodeArgs([1, shared, 'x', shared]);
  const copy = decodeArgs(args.buffer, args.start, args.end);
  assert.deepEqual(copy, [1, shared, 'x', shared]);
  assert.equal(copy[1], copy[3]);
  const call = encodeCall('name', [undefined, [2]]);
  assert.deepEqual(decodeCall(call.buffer, call.start, call.end), { fn: 'name', args: [undefined, [2]] });
  assert.equal(encodeArgs([]).definitions, encodeCall(1, []).definitions);
  assert.ok(Object.isFrozen(args.definitions));
});

test('decodeValue() gives objects that are no slower than literals of the same shape', () => {
  const records = Array.from({ length: 100 }, (_, i) => ({ id: i, name: `n${i}`, at: new Date(i) }));
  for (let i = 0; i < 3; i++) {
    const copy = roundTrip(records) as typeof records;
    assert.deepEqual(copy, records);
    const cyclic = roundTrip([records, records]) as (typeof records)[];
    assert.deepEqual(cyclic[1], records);
  }
  assert.ok(types.isDate((roundTrip(records) as typeof records)[5]?.at), inspect(records[5]));
});
