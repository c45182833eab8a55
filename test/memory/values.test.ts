/**
 * Shared values, arrays and records: types, ranges, locks; the same objects in several processes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  InvalidStateError,
  Lock,
  Process,
  RawArray,
  RawStruct,
  RawValue,
  ResourceExhaustedError,
  RLock,
  SharedArray,
  Struct,
  Thread,
  Value,
} from 'multiproc';
import * as mp from 'multiproc';
import { leavesNothing } from '../support/census.js';

/** The family, and the inspector that reads closures, live as long as this process. */
const warmUp = async () => {
  const value = new Value('i', 0);
  await inChild(() => value.value);
};
const clean = (body: () => Promise<void> | void) => leavesNothing(body, { warmUp });

async function inChild<T>(target: () => T): Promise<Awaited<T>> {
  const process = new Process({ target });
  await process.start();
  return process.result() as Promise<Awaited<T>>;
}

test(
  '_TestValue.test_value: what a child writes into values of every type, its parent reads [T-01, T-04]',
  clean(async () => {
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
    const before = await inChild(() => {
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
  }),
);

test(
  '_TestValue.test_rawvalue, _TestArray.test_rawarray: without a lock, the same memory everywhere [T-02, T-03]',
  clean(async () => {
    const value = RawValue('d', 1.5);
    const array = RawArray('i', [1, 2, 3]);
    assert.ok(array instanceof Int32Array);
    const back = await inChild(() => {
      value.value *= 2;
      array[1] = 20;
      return { value, array };
    });
    assert.equal(back.value, value);
    assert.equal(back.array, array);
    assert.deepEqual([value.value, ...array], [3, 1, 20, 3]);
    assert.equal('getLock' in value, false);
  }),
);

test(
  '_TestValue.test_getobj_getlock, _TestArray.test_getobj_getlock_obj: locks of every kind [T-04, T-06]',
  clean(async () => {
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
    const held = await inChild(() => value.getLock().runSync(() => lock.locked()));
    assert.equal(held, true);
  }),
);

test('_TestValue.test_invalid_typecode, _TestArray.test_invalid_typecode: a type that is none is refused [T-01]', () => {
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

test(
  'add() of several processes loses nothing, and neither does += with the lock [T-06]',
  clean(async () => {
    const [fast, large, guarded] = [new Value('i', 0), new Value('q', 0n), new Value('d', 0)];
    await Promise.all(
      [1, 2, 3].map(() =>
        inChild(() => {
          for (let turn = 0; turn < 2000; turn++) {
            fast.add(1);
            large.add(1n);
            guarded.getLock().runSync(() => (guarded.value += 1));
          }
        }),
      ),
    );
    assert.deepEqual([fast.value, large.value, guarded.value], [6000, 6000n, 6000]);
  }),
);

test(
  'no reader sees one half of a value and the other half of another',
  clean(async () => {
    const bits = [0x0101_0101_0101_0101n, 0x7e7e_7e7e_7e7e_7e7en];
    const doubles = [...new Float64Array(BigInt64Array.from(bits).buffer)] as [number, number];
    const texts = bits.map((each) => String(each).repeat(50)) as [string, string];
    const [integer, double, json] = [new Value('q', bits[0] as bigint), new Value('d', doubles[0]), new Value('json', texts[0])];
    const over = new Value('bool', false);
    const writing = inChild(() => {
      for (let turn = 0; !over.value; turn++) {
        integer.value = bits[turn & 1] as bigint;
        double.value = doubles[turn & 1] as number;
        json.value = texts[turn & 1];
      }
    });
    for (let turn = 0; turn < 20_000; turn++) {
      assert.ok(bits.includes(integer.value));
      assert.ok(doubles.includes(double.value));
      assert.ok(texts.includes(json.value as string));
    }
    over.value = true;
    await writing;
  }),
);

test(
  '_TestArray.test_array: elements, slices, iteration, across processes [T-05]',
  clean(async () => {
    const array = new SharedArray('i', [680, 626, 934, 821, 150]);
    assert.equal(array.length, 5);
    assert.deepEqual([array.at(1), array.at(-1), array.at(5), array.at(-6)], [626, 150, undefined, undefined]);
    assert.deepEqual(array.slice(2, 4), Int32Array.of(934, 821));
    array.view.set([1, 2], 3);
    assert.deepEqual([...array], [680, 626, 934, 1, 2]);
    const same = await inChild(() => {
      for (let index = 1; index < array.length; index++)
        array.set(index, (array.at(index) as number) + (array.at(index - 1) as number));
      return array;
    });
    assert.equal(same, array);
    assert.deepEqual([...array], [680, 1306, 2240, 2241, 2243]);
    assert.deepEqual([...array.fill(7, 1, 3)], [680, 7, 7, 2241, 2243]);
    for (const index of [5, -6, 0.5])
      assert.throws(() => array.set(index, 1), { name: 'RangeError', message: /has 5, received the index/ });
    assert.throws(() => array.set(0, 2 ** 31), RangeError);
    assert.throws(() => array.fill(2 ** 31), RangeError);
    assert.equal(mp.Array, SharedArray);
  }),
);

test('_TestArray.test_array_from_size: zeros, also where something was before [T-03]', () => {
  for (let turn = 0; turn < 3; turn++) {
    const array = new SharedArray('i', 10);
    assert.deepEqual(
      [...array],
      Array.from({ length: 10 }, () => 0),
    );
    array.view.set(Array.from({ length: 10 }, (_, index) => index));
    assert.deepEqual([...array], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
  assert.equal(new SharedArray('q', 0).length, 0);
  assert.equal(RawArray('d', []).length, 0);
  for (const size of [-1, 1.5, NaN, 2 ** 53]) assert.throws(() => new SharedArray('i', size), RangeError);
  assert.throws(() => new SharedArray('i', {} as never), TypeError);
  assert.throws(() => new SharedArray('i', 'text' as never), TypeError);
  assert.throws(() => new SharedArray('b', [1, 200]), { name: 'RangeError', message: /\[1\].*-128 to 127, received 200/ });
  assert.throws(() => new SharedArray('d', 2 ** 45), ResourceExhaustedError);
});

test(
  "an array of the type 'c' is text with a NUL behind it [T-07]",
  clean(async () => {
    const array = new SharedArray('c', 10);
    assert.equal(array.value, '');
    await inChild(() => (array.value = 'grün'));
    assert.equal(array.value, 'grün');
    assert.equal(array.at(0), 'g');
    array.value = '0123456789';
    assert.equal(array.value, '0123456789');
    assert.throws(() => (array.value = '0123456789a'), { name: 'RangeError', message: /10 bytes, received 11 bytes/ });
    assert.equal(new SharedArray('c', 'hello').length, 5);
    assert.throws(() => new SharedArray('i', 1).value, TypeError);
  }),
);

test(
  '_TestSharedCTypes.test_sharedctypes, test_synchronize: records with typed fields [T-08]',
  clean(async () => {
    const point = new Struct({ x: 'd', flag: 'bool', id: 'i32', count: 'Q', letter: 'c' }, { init: { x: 1.5, letter: 'a' } });
    const raw = new RawStruct({ small: 'b', y: 'd' });
    assert.deepEqual({ ...point }, { x: 1.5, flag: false, id: 0, count: 0n, letter: 'a' });
    const back = await inChild(() => {
      point.getLock().runSync(() => {
        point.x *= 2;
        point.flag = true;
        point.id = -7;
        point.count = 2n ** 63n;
        point.letter = 'z';
      });
      raw.small = -3;
      raw.y = 0.25;
      return { point, raw };
    });
    assert.equal(back.point, point);
    assert.equal(back.raw, raw);
    assert.deepEqual({ ...point }, { x: 3, flag: true, id: -7, count: 2n ** 63n, letter: 'z' });
    assert.deepEqual({ ...raw }, { small: -3, y: 0.25 });
    assert.throws(() => (raw.small = 128), { name: 'RangeError', message: /field 'small': 'b' takes -128 to 127, received 128/ });
    assert.throws(() => new Struct({ x: 'no' as 'd' }), TypeError);
    assert.throws(() => new Struct({ getLock: 'd' }), TypeError);
    assert.throws(() => new RawStruct({ x: 'd' }, { init: { y: 1 } as never }), TypeError);
    assert.throws(() => new RawStruct(null as never), TypeError);
  }),
);

test('_TestHeap.test_heap: many values and arrays of all sizes keep apart', () => {
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

test(
  'a value lives on with whoever has it, after the process that made it',
  clean(async () => {
    const made = await inChild(() => ({
      value: new Value('i', 41),
      array: RawArray('d', [1, 2]),
      record: new Struct({ a: 'i' }),
    }));
    made.record.a = 5;
    assert.deepEqual([made.value.add(1), made.value.value, ...made.array, made.record.a], [41, 42, 1, 2, 5]);
    await made.value.getLock().run(() => undefined);
  }),
);

test(
  'threads have the same values, arrays and records [T-04]',
  clean(async () => {
    const [value, array, record, raw] = [
      new Value('i', 1),
      new SharedArray('d', [1, 2]),
      new Struct({ a: 'q' }),
      RawArray('h', 3),
    ];
    const thread = new Thread({
      target: () => {
        value.add(5);
        array.getLock().runSync(() => array.set(0, 9));
        record.a = 7n;
        raw[2] = 8;
        return [value, array, record, raw];
      },
    });
    await thread.start();
    assert.deepEqual(await thread.result(), [value, array, record, raw]);
    await thread.join();
    assert.deepEqual([value.value, ...array, record.a, ...raw], [6, 9, 2, 7n, 0, 0, 8]);
  }),
);

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
