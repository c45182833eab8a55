import assert from 'node:assert/strict';
import { all, range, slowly, withPoolOf } from '../futures/conformance-support.js';
import { errorOf, gate, inTime, scratch, tasks } from '../futures/executor-support.js';
import { eachKind } from '../support/kinds.js';

function* numbersThenThrow(n: number): Generator<number> {
  for (let i = 0; i < n; i++) yield i;
  throw new RangeError('the iterable failed');
}

eachKind(
  'Pool.imap() gives results in input order, imapUnordered() all of them [_TestPool.test_imap _TestPool.test_imap_unordered]',
  (kind) =>
    withPoolOf(kind, 3, async (pool) => {
      const squares = range(300).map((i) => i * i);
      for (const options of [{}, { chunkSize: 50 }]) {
        assert.deepEqual(await inTime(all(pool.imap(tasks.square, range(300), options))), squares);
        const unordered = await inTime(all(pool.imapUnordered(tasks.square, range(300), options)));
        assert.deepEqual(
          unordered.sort((a, b) => a - b),
          squares,
        );
      }
      assert.deepEqual(await inTime(all(pool.imap(tasks.square, slowly(20)))), squares.slice(0, 20));
      assert.equal((await inTime(all(pool.imapUnordered(tasks.square, slowly(20))))).length, 20);
    }),
);

eachKind('imapUnordered() does not wait for a slow item', (kind, t) =>
  withPoolOf(kind, 2, async (pool) => {
    const { path, open } = gate(t);
    const never = `${scratch(t)}/open`;
    const items: [string, number][] = [[path, 0], ...range(5).map((i) => [never, i + 1] as [string, number])];
    const iterator = pool.imapUnordered(([file, n]: [string, number]) => (file.endsWith('open') ? n : waitFor(file, n)), items);
    const first = [];
    for (let i = 0; i < 5; i++) first.push((await inTime(iterator.next())).value as number);
    assert.deepEqual(first.sort(), [1, 2, 3, 4, 5]);
    open();
    assert.equal((await inTime(iterator.next())).value, 0);
    assert.equal((await inTime(iterator.next())).done, true);
  }),
);
const waitFor = tasks.block<number>;

eachKind(
  'what the iterable throws rejects the map; imap gives the results before it first [_TestPool.test_map_handle_iterable_exception _TestPool.test_imap_handle_iterable_exception _TestPool.test_imap_unordered_handle_iterable_exception]',
  (kind) =>
    withPoolOf(kind, 2, async (pool) => {
      for (const chunkSize of [1, 4]) {
        assert.equal((await errorOf(pool.map(tasks.square, numbersThenThrow(10), { chunkSize }))).message, 'the iterable failed');
        for (const iterator of [
          pool.imap(tasks.square, numbersThenThrow(10), { chunkSize }),
          pool.imapUnordered(tasks.square, numbersThenThrow(10), { chunkSize }),
        ]) {
          const given: number[] = [];
          const error = await errorOf(
            (async () => {
              for await (const value of iterator) given.push(value);
            })(),
          );
          assert.equal(error.message, 'the iterable failed');
          assert.equal(given.length, 10);
        }
      }
    }),
);

eachKind('join() waits until all is done, not until it is read: also of an imap that nobody reads', async (kind) => {
  const pool = new kind.Pool(2);
  const unread = pool.imap(tasks.square, range(500), { bufferSize: 2 });
  const begun = pool.imapUnordered(tasks.square, slowly(200), { bufferSize: 1, chunkSize: 3 });
  assert.equal((await inTime(begun.next())).done, false);
  pool.close();
  await inTime(pool.join(), 'join()');
  assert.deepEqual(
    await inTime(all(unread)),
    range(500).map((i) => i * i),
  );
  assert.equal((await inTime(all(begun))).length, 199);
});

eachKind('imap reads its items no further than bufferSize ahead, and tells them when nobody goes on', (kind) =>
  withPoolOf(kind, 1, async (pool) => {
    let read = 0;
    let returned = false;
    function* endless(): Generator<number> {
      try {
        for (;;) yield read++;
      } finally {
        returned = true;
      }
    }
    for await (const value of pool.imapUnordered(tasks.square, endless(), { bufferSize: 5 })) if (value === 9) break;
    assert.ok(read <= 12, String(read));
    assert.equal(returned, true);
  }),
);
