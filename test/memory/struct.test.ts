/**
 * Records in shared memory: fields, their types and ranges, copies, locks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lock, RawArray, RawStruct, RawValue, SharedArray, Struct, Value } from '#src/index.js';
import { eachKind, inChild } from '../support/kinds.js';

eachKind('records with typed fields  [T-08]', async (kind, t) => {
  const point = new Struct({ x: 'd', flag: 'bool', id: 'i32', count: 'Q', letter: 'c' }, { init: { x: 1.5, letter: 'a' } });
  const raw = new RawStruct({ small: 'b', y: 'd' });
  assert.deepEqual({ ...point }, { x: 1.5, flag: false, id: 0, count: 0n, letter: 'a' });
  const back = await inChild(kind, t, () => {
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
});

eachKind(
  'values, arrays and records change under their locks, in a child as here  [_TestSharedCTypes.test_sharedctypes] [_TestSharedCTypes.test_synchronize] [T-10]',
  async (kind, t) => {
    const lock = new Lock();
    const parts = {
      whole: new Value('i', 7, { lock }),
      third: new Value('d', 1 / 3, { lock }),
      big: new Value('q', 2n ** 33n),
      point: new Struct({ x: 'i', y: 'd' }, { init: { x: 3, y: 2 }, lock }),
      list: new SharedArray('d', 10),
      text: new SharedArray('c', 20),
    };
    for (let index = 0; index < parts.list.length; index++) parts.list.set(index, index);
    parts.text.value = 'hello';
    assert.equal(parts.point.getLock(), lock);
    const isHeld = await inChild(kind, t, () =>
      parts.point.getLock().runSync(() => {
        parts.whole.value *= 2;
        parts.third.value *= 2;
        parts.big.value *= 2n;
        parts.point.x *= 2;
        parts.point.y *= 2;
        for (let index = 0; index < parts.list.length; index++) parts.list.set(index, (parts.list.at(index) as number) * 2);
        parts.text.value += parts.text.value;
        return lock.locked();
      }),
    );
    assert.equal(isHeld, true);
    assert.equal(lock.locked(), false);
    assert.deepEqual([parts.whole.value, parts.third.value, parts.big.value], [14, 2 / 3, 2n ** 34n]);
    assert.deepEqual({ ...parts.point }, { x: 6, y: 4 });
    assert.deepEqual(
      [...parts.list],
      Array.from({ length: 10 }, (_, index) => index * 2),
    );
    assert.equal(parts.text.value, 'hellohello');
  },
);

eachKind('a copy has memory of its own  [_TestSharedCTypes.test_copy] [T-09]', async (kind, t) => {
  const point = new Struct({ x: 'i', y: 'd', z: 'q' }, { init: { x: 2, y: 5.5, z: 2n ** 33n } });
  const same = new Struct({ x: 'i', y: 'd', z: 'q' }, { init: { ...point } });
  const list = new SharedArray('i', [1, 2]);
  const raw = RawArray('i', list);
  const value = RawValue('d', point.y);
  await inChild(kind, t, () => {
    Object.assign(point, { x: 0, y: 0, z: 0n });
    list.fill(0);
  });
  assert.deepEqual({ ...point }, { x: 0, y: 0, z: 0n });
  assert.deepEqual({ ...same }, { x: 2, y: 5.5, z: 2n ** 33n });
  assert.deepEqual([...list, ...raw, value.value], [0, 0, 1, 2, 5.5]);
});

test('a field that a record has not is a TypeError, never a property of one process  [T-08]', () => {
  for (const record of [new Struct({ x: 'd' }), new RawStruct({ x: 'd' })]) {
    assert.throws(() => Object.assign(record, { y: 1 }), TypeError);
    assert.throws(() => Object.defineProperty(record, 'x', { value: 1 }), TypeError);
    assert.deepEqual({ ...record }, { x: 0 });
  }
});
