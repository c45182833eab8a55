/**
 * Shared values: types, ranges, locks; the same object in several processes and threads.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Event, InvalidStateError, Lock, RawArray, RawValue, RLock, SharedArray, Struct, Value } from '#src/index.js';
import { eachKind, inChild } from '../support/kinds.js';

eachKind(
  'what a child writes into values of every type, its parent reads  [_TestValue.test_value] [T-01, T-04]',
  async (kind, t) => {
    const values = {
      char: new Value('c', 'x'),
      bool: new Value('bool', true),
      byte: new Value('b', -128),
      unsigned: new Value('H', 65_535),
      integer: new Value('i', 4343),
      long: new Value('q', -(2n ** 63n)),
      large: new Value('u64', 2n ** 64n - 1n),
      single: new Value('f', 0.5),
      double: new Value('d', 3.625),
      json: new Value('json', { a: [1, 'ü'] }),
    };
    assert.deepEqual(values.json.value, { a: [1, 'ü'] });
    assert.deepEqual([values.char.value, values.bool.value, values.long.value], ['x', true, -(2n ** 63n)]);
    const before = await inChild(kind, t, () => {
      const seen = Object.values(values).map(({ value }) => value);
      values.char.value = 'y';
      values.bool.value = false;
      values.byte.value = 127;
      values.unsigned.value = 0;
      values.integer.value = -232;
      values.long.value = 2n ** 63n - 1n;
      values.large.value = 7n;
      values.single.value = -0.25;
      values.double.value = Math.PI;
      values.json.value = ['€'.repeat(500)];
      return seen;
    });
    assert.deepEqual(before, ['x', true, -128, 65_535, 4343, -(2n ** 63n), 2n ** 64n - 1n, 0.5, 3.625, { a: [1, 'ü'] }]);
    assert.deepEqual(
      Object.values(values).map(({ value }) => value),
      ['y', false, 127, 0, -232, 2n ** 63n - 1n, 7n, -0.25, Math.PI, ['€'.repeat(500)]],
    );
  },
);

eachKind(
  'without a lock, the same memory everywhere  [_TestValue.test_rawvalue] [_TestArray.test_rawarray] [T-02, T-03]',
  async (kind, t) => {
    const value = RawValue('d', 1.5);
    const array = RawArray('i', [1, 2, 3]);
    assert.ok(array instanceof Int32Array);
    const back = await inChild(kind, t, () => {
      value.value *= 2;
      array[1] = 20;
      return { value, array };
    });
    assert.equal(back.value, value);
    assert.equal(back.array, array);
    assert.deepEqual([value.value, ...array], [3, 1, 20, 3]);
    assert.equal('getLock' in value, false);
  },
);

eachKind(
  'locks of every kind  [_TestValue.test_getobj_getlock] [_TestArray.test_getobj_getlock_obj] [T-04, T-06]',
  async (kind, t) => {
    const lock = new Lock();
    assert.ok(new Value('i', 5).getLock() instanceof RLock);
    assert.equal(new Value('i', 5, { lock }).getLock(), lock);
    assert.equal(new SharedArray('i', 2, { lock }).getLock(), lock);
    assert.ok(new SharedArray('i', 2).getLock() instanceof RLock);
    assert.throws(() => new Value('i', 5, { lock: false }).getLock(), InvalidStateError);
    assert.throws(() => new SharedArray('i', 5, { lock: false }).getLock(), InvalidStateError);
    assert.throws(() => new Value('i', 5, { lock: 'no' as never }), /its lock must be a Lock, an RLock or false, received 'no'/);
    const value = new Value('i', 5, { lock });
    assert.ok(value.getObj() instanceof Int32Array);
    assert.deepEqual([...value.getObj()], [5]);
    const held = await inChild(kind, t, () => value.getLock().runSync(() => lock.locked()));
    assert.equal(held, true);
  },
);

test('a type that is none is refused  [_TestValue.test_invalid_typecode] [_TestArray.test_invalid_typecode] [T-01]', () => {
  for (const code of ['x', '?', 'u', 'w', '', undefined, 5]) {
    assert.throws(() => new Value(code as never), {
      name: 'TypeError',
      message: /its type must be one of c bool b i8 .*received/,
    });
    assert.throws(() => new SharedArray(code as never, 1), TypeError);
    assert.throws(() => RawValue(code as never), TypeError);
    assert.throws(() => RawArray(code as never, 1), TypeError);
  }
});

test('what is out of range is refused with the value and the range [T-02]', () => {
  const cases: Array<[string, unknown, RegExp]> = [
    ['b', 128, /'b' takes -128 to 127, received 128/],
    ['u8', -1, /'u8' takes 0 to 255, received -1/],
    ['I', 2 ** 32, /'I' takes 0 to 4294967295, received 4294967296/],
    ['q', 2n ** 63n, /'q' takes -9223372036854775808 to 9223372036854775807, received 9223372036854775808n/],
    ['f', 1e39, /'f' has 32 bits, up to .* received 1e\+39/],
    ['c', 'ł', /one byte, 0 to 255, received 'ł'/],
  ];
  for (const [code, bad, message] of cases) {
    assert.throws(() => new Value(code as 'i', bad as number), { name: 'RangeError', message });
    const value = new Value(code as 'i');
    const before = value.value;
    assert.throws(() => (value.value = bad as number), { name: 'RangeError', message });
    assert.equal(value.value, before);
  }
  for (const [code, bad] of [
    ['i', 1.5],
    ['i', '5'],
    ['i', 5n],
    ['q', 5],
    ['d', 5n],
    ['bool', 1],
    ['c', 'ab'],
  ])
    assert.throws(() => new Value(code as 'i', bad as number), { name: 'TypeError', message: /received/ });
  assert.throws(() => (new Value('json', 1).value = 'x'.repeat(5000)), { name: 'RangeError', message: /4096 bytes.*5002 bytes/ });
});

test('add() gives what was before, wraps, and is for integers only', () => {
  const value = new Value('b', 126);
  assert.deepEqual([value.add(1), value.add(1), value.value, value.add(-1), value.value], [126, 127, -128, -128, 127]);
  const large = new Value('Q', 0n);
  assert.deepEqual([large.add(5n), large.add(-2n), large.value], [0n, 5n, 3n]);
  assert.throws(() => value.add(0.5), TypeError);
  for (const code of ['d', 'f', 'bool', 'json', 'c'])
    assert.throws(() => new Value(code as 'i').add(1), { name: 'TypeError', message: /only integers can be added to at once/ });
});

eachKind('add() of several processes loses nothing, and neither does += with the lock [T-06]', async (kind, t) => {
  const [fast, large, guarded] = [new Value('i', 0), new Value('q', 0n), new Value('d', 0)];
  await Promise.all(
    [1, 2, 3].map(() =>
      inChild(kind, t, () => {
        for (let turn = 0; turn < 2000; turn++) {
          fast.add(1);
          large.add(1n);
          guarded.getLock().runSync(() => (guarded.value += 1));
        }
      }),
    ),
  );
  assert.deepEqual([fast.value, large.value, guarded.value], [6000, 6000n, 6000]);
});

eachKind('no reader sees one half of a value and the other half of another', async (kind, t) => {
  const bits = [0x0101_0101_0101_0101n, 0x7e7e_7e7e_7e7e_7e7en];
  const doubles = [...new Float64Array(BigInt64Array.from(bits).buffer)] as [number, number];
  const texts = bits.map((each) => String(each).repeat(50)) as [string, string];
  const [integer, double, json] = [new Value('q', bits[0] as bigint), new Value('d', doubles[0]), new Value('json', texts[0])];
  const over = new Value('bool', false);
  const begun = new Event();
  const writing = inChild(kind, t, () => {
    begun.set();
    for (let turn = 0; !over.value; turn++) {
      integer.value = bits[turn & 1] as bigint;
      double.value = doubles[turn & 1] as number;
      json.value = texts[turn & 1];
    }
  });
  await begun.wait(60_000);
  for (let turn = 0; turn < 20_000; turn++) {
    assert.ok(bits.includes(integer.value));
    assert.ok(doubles.includes(double.value));
    assert.ok(texts.includes(json.value as string));
  }
  over.value = true;
  await writing;
});

test('many values and arrays of all sizes keep apart  [_TestHeap.test_heap]', () => {
  let seed = 12_345;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const kept: Array<{ array: Uint8Array; mark: number }> = [];
  for (let turn = 0; turn < 400; turn++) {
    const array = RawArray('B', 1 + random(20_000));
    assert.ok(array.every((byte) => byte === 0));
    const mark = 1 + random(255);
    array.fill(mark);
    kept.push({ array, mark });
    if (kept.length > 50) kept.splice(random(kept.length), 1);
  }
  for (const { array, mark } of kept) assert.ok(array.every((byte) => byte === mark));
});

eachKind('a value lives on with whoever has it, after the process that made it', async (kind, t) => {
  const made = await inChild(kind, t, () => ({
    value: new Value('i', 41),
    array: RawArray('d', [1, 2]),
    record: new Struct({ a: 'i' }),
  }));
  made.record.a = 5;
  assert.deepEqual([made.value.add(1), made.value.value, ...made.array, made.record.a], [41, 42, 1, 2, 5]);
  await made.value.getLock().run(() => undefined);
});

test('memory stays as long as there is a view on it, also when its array is garbage', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const parts: Uint8Array[] = [];
  for (let turn = 0; turn < 500; turn++) {
    parts.push(
      RawArray('B', 1000)
        .fill(turn & 255)
        .subarray(1, 5),
    );
    if (turn % 50 === 0) collect();
  }
  for (const [turn, part] of parts.entries()) assert.ok(part.every((byte) => byte === (turn & 255)));
});
