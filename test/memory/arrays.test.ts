/**
 * Shared arrays: elements, sizes, text; the same array in several processes and threads.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawArray, ResourceExhaustedError, SharedArray } from '#src/index.js';
import * as mp from '#src/index.js';
import { eachKind, inChild } from '../support/kinds.js';

eachKind('elements, slices, iteration, across processes  [_TestArray.test_array] [T-05]', async (kind, t) => {
  const array = new SharedArray('i', [680, 626, 934, 821, 150]);
  assert.equal(array.length, 5);
  assert.deepEqual([array.at(1), array.at(-1), array.at(5), array.at(-6)], [626, 150, undefined, undefined]);
  assert.deepEqual(array.slice(2, 4), Int32Array.of(934, 821));
  array.view.set([1, 2], 3);
  assert.deepEqual([...array], [680, 626, 934, 1, 2]);
  const same = await inChild(kind, t, () => {
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
});

test('zeros, also where something was before  [_TestArray.test_array_from_size] [T-03]', () => {
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

eachKind("an array of the type 'c' is text with a NUL behind it [T-07]", async (kind, t) => {
  const array = new SharedArray('c', 10);
  assert.equal(array.value, '');
  await inChild(kind, t, () => (array.value = 'grün'));
  assert.equal(array.value, 'grün');
  assert.equal(array.at(0), 'g');
  array.value = '0123456789';
  assert.equal(array.value, '0123456789');
  assert.throws(() => (array.value = '0123456789a'), { name: 'RangeError', message: /10 bytes, received 11 bytes/ });
  assert.equal(new SharedArray('c', 'hello').length, 5);
  assert.throws(() => new SharedArray('i', 1).value, TypeError);
});
