import assert from 'node:assert/strict';
import { InvalidStateError, RemoteError, SerializationError, TimeoutError } from '#src/index.js';
import { all, range, slowly, withPoolOf } from '../futures/conformance-support.js';
import { errorOf, gate, inTime, tasks } from '../futures/executor-support.js';
import { eachKind } from '../support/kinds.js';

eachKind('Pool.apply() gives the result of a call; functions and classes of any kind [_TestPool.test_apply]', (kind) =>
  withPoolOf(kind, 2, async (pool) => {
    assert.equal(await inTime(pool.apply(tasks.square, [5])), 25);
    assert.equal(await inTime(pool.apply(tasks.add, [1, 2, 3])), 6);
    const factor = 7;
    assert.equal(await inTime(pool.apply((x: number) => x * factor, [6])), 42);
    assert.equal(await inTime(pool.apply(tasks.later<string>, ['x'])), 'x');
    assert.equal((await inTime(pool.apply(tasks.pid))) !== process.pid, kind.separate);
    assert.deepEqual(
      await inTime(Promise.all(range(100).map((i) => pool.apply(tasks.square, [i])))),
      range(100).map((i) => i * i),
    );
  }),
);

eachKind(
  'Pool.map() gives the results in input order, for any chunk size [_TestPool.test_map _TestPool.test_map_chunksize]',
  (kind) =>
    withPoolOf(kind, 3, async (pool) => {
      const squares = range(1000).map((i) => i * i);
      for (const options of [{}, { chunkSize: 1 }, { chunkSize: 20 }, { chunkSize: 5000 }, { chunkSize: 7, bufferSize: 1 }])
        assert.deepEqual(await inTime(pool.map(tasks.square, range(1000), options)), squares, JSON.stringify(options));
      assert.deepEqual(await inTime(pool.map(tasks.square, new Set([1, 2, 3]))), [1, 4, 9]);
      assert.deepEqual(await inTime(pool.map(tasks.square, slowly(10))), squares.slice(0, 10));
      assert.deepEqual(await inTime(pool.map(tasks.later<number>, range(20), { chunkSize: 5 })), range(20));
      const factor = 3;
      assert.deepEqual(
        await inTime(pool.map((x: number) => x * factor, range(50))),
        range(50).map((i) => i * 3),
      );
    }),
);

eachKind('an empty iterable gives nothing, at once [_TestPool.test_empty_iterable]', (kind) =>
  withPoolOf(kind, 1, async (pool) => {
    assert.deepEqual(await inTime(pool.map(tasks.square, [])), []);
    assert.deepEqual(await inTime(pool.starmap(tasks.add, [])), []);
    assert.deepEqual(await inTime(all(pool.imap(tasks.square, []))), []);
    assert.deepEqual(await inTime(all(pool.imapUnordered(tasks.square, []))), []);
    assert.deepEqual(await inTime(pool.mapAsync(tasks.square, []).get()), []);
  }),
);

eachKind('Pool.starmap() spreads each item [_TestPool.test_starmap _TestPool.test_starmap_async]', (kind) =>
  withPoolOf(kind, 2, async (pool) => {
    const pairs = range(100).map((i) => [i, i + 1] as [number, number]);
    const sums = pairs.map(([a, b]) => a + b);
    assert.deepEqual(await inTime(pool.starmap(tasks.add, pairs)), sums);
    assert.deepEqual(await inTime(pool.starmap(tasks.add, pairs, { chunkSize: 1 })), sums);
    assert.deepEqual(await inTime(pool.starmapAsync(tasks.add, pairs).get()), sums);
    assert.ok((await errorOf(pool.starmap(tasks.add, [5 as unknown as number[]]))) instanceof TypeError);
  }),
);

eachKind(
  'mapAsync() and applyAsync() give a result to ask, with callbacks [_TestPool.test_async _TestPool.test_map_async _TestPool.test_map_async_callbacks]',
  (kind, t) =>
    withPoolOf(kind, 2, async (pool) => {
      const { path, open } = gate(t);
      const told: unknown[] = [];
      const result = pool.applyAsync(tasks.block<string>, [path, 'done'], { callback: (value) => told.push(value) });
      assert.equal(result.ready(), false);
      assert.throws(() => result.successful(), InvalidStateError);
      open();
      assert.equal(await inTime(result), 'done');
      assert.deepEqual([result.ready(), result.successful(), told], [true, true, ['done']]);
      const squares = pool.mapAsync(tasks.square, range(10), { callback: (values) => told.push(values.length) });
      await inTime(squares.wait());
      assert.deepEqual([await squares.get(), told.at(-1)], [range(10).map((i) => i * i), 10]);
      const failing = pool.mapAsync(tasks.fail, ['no'], { errorCallback: (error) => told.push((error as Error).message) });
      await inTime(failing.wait());
      assert.deepEqual([failing.ready(), failing.successful(), told.at(-1)], [true, false, 'no']);
    }),
);

eachKind(
  'AsyncResult.get() and wait() reject with TimeoutError when time runs out; the call goes on [_TestPool.test_async_timeout]',
  (kind, t) =>
    withPoolOf(kind, 1, async (pool) => {
      const { path, open } = gate(t);
      const result = pool.applyAsync(tasks.block<number>, [path, 1]);
      assert.ok((await errorOf(result.get(10))) instanceof TimeoutError);
      assert.ok((await errorOf(result.wait({ timeout: 0 }))) instanceof TimeoutError);
      open();
      assert.equal(await inTime(result.get(30_000)), 1);
    }),
);

eachKind(
  "an item's error rejects its next() of imap only, and the whole of map [_TestPool.test_map_no_failfast _TestPool.test_wrapped_exception _TestPool.test_traceback]",
  (kind) =>
    withPoolOf(kind, 2, async (pool) => {
      const oddFails = (x: number) => {
        if (x % 2 === 1) throw new RangeError(`odd ${x}`);
        return x;
      };
      const iterator = pool.imap(oddFails, range(4));
      assert.deepEqual(await inTime(iterator.next()), { value: 0, done: false });
      const error = await errorOf(iterator.next());
      assert.ok(error instanceof RangeError && error.message === 'odd 1');
      assert.ok(error.cause instanceof RemoteError);
      assert.match(String(error.cause.stack), /oddFails/);
      assert.deepEqual(await inTime(iterator.next()), { value: 2, done: false });
      assert.equal((await errorOf(iterator.next())).message, 'odd 3');
      assert.equal((await inTime(iterator.next())).done, true);
      for (const chunkSize of [1, 3]) assert.match((await errorOf(pool.map(oddFails, range(10), { chunkSize }))).message, /odd/);
      assert.equal(await inTime(pool.apply(tasks.square, [3])), 9, 'the pool is usable');
    }),
);

eachKind(
  'what cannot be sent rejects its own call, there and back [_TestPool.test_map_unplicklable _TestPoolWorkerErrors.test_unpickleable_result _TestPoolWorkerErrors.test_async_error_callback]',
  (kind) =>
    withPoolOf(kind, 2, async (pool) => {
      const unsendable = new WeakMap();
      assert.ok((await errorOf(pool.map(tasks.identity, [unsendable]))) instanceof SerializationError);
      assert.ok((await errorOf(pool.apply(tasks.identity, [unsendable]))) instanceof SerializationError);
      assert.ok((await errorOf(pool.apply(() => new WeakMap()))) instanceof SerializationError);
      const told: unknown[] = [];
      const result = pool.applyAsync(() => new WeakMap(), [], { errorCallback: (error) => told.push(error) });
      assert.ok((await errorOf(result)) instanceof SerializationError);
      assert.equal(told.length, 1);
      assert.ok((await errorOf(pool.map(() => new WeakMap(), range(9)))) instanceof SerializationError);
      assert.equal(await inTime(pool.apply(tasks.square, [3])), 9);
    }),
);
