import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  activeChildren,
  BrokenProcessPoolError,
  CancelledError,
  ClosedError,
  InvalidStateError,
  Pool,
  type PoolOptions,
  ProcessDiedError,
  RemoteError,
  SerializationError,
  TimeoutError,
} from 'multiproc';
import {
  errorOf,
  executorTest,
  gate,
  inTime,
  isAlive,
  notes,
  program,
  scratch,
  tasks,
  until,
} from '../futures/executor-support.js';

/** Runs `use` with a pool, then closes and joins it; terminates it if something fails. */
async function withPool<T>(options: number | PoolOptions, use: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = new Pool(options);
  try {
    const result = await use(pool);
    pool.close();
    await inTime(pool.join(), 'join()');
    return result;
  } finally {
    await inTime(pool.terminate(), 'terminate()');
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const given: T[] = [];
  for await (const item of items) given.push(item);
  return given;
}

function* numbersThenThrow(n: number): Generator<number> {
  for (let i = 0; i < n; i++) yield i;
  throw new RangeError('the iterable failed');
}

async function* slowly(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) {
    await new Promise(setImmediate);
    yield i;
  }
}

executorTest('Pool.apply() gives the result of a call; functions and classes of any kind [_TestPool.test_apply]', () =>
  withPool(2, async (pool) => {
    assert.equal(await inTime(pool.apply(tasks.square, [5])), 25);
    assert.equal(await inTime(pool.apply(tasks.add, [1, 2, 3])), 6);
    const factor = 7;
    assert.equal(await inTime(pool.apply((x: number) => x * factor, [6])), 42);
    assert.equal(await inTime(pool.apply(tasks.later<string>, ['x'])), 'x');
    assert.notEqual(await inTime(pool.apply(tasks.pid)), process.pid);
    assert.deepEqual(
      await inTime(Promise.all(range(100).map((i) => pool.apply(tasks.square, [i])))),
      range(100).map((i) => i * i),
    );
  }),
);

executorTest('Pool.map() gives the results in input order, for any chunk size [_TestPool.test_map test_map_chunksize]', () =>
  withPool(3, async (pool) => {
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

executorTest('an empty iterable gives nothing, at once [_TestPool.test_empty_iterable]', () =>
  withPool(1, async (pool) => {
    assert.deepEqual(await inTime(pool.map(tasks.square, [])), []);
    assert.deepEqual(await inTime(pool.starmap(tasks.add, [])), []);
    assert.deepEqual(await inTime(all(pool.imap(tasks.square, []))), []);
    assert.deepEqual(await inTime(all(pool.imapUnordered(tasks.square, []))), []);
    assert.deepEqual(await inTime(pool.mapAsync(tasks.square, []).get()), []);
  }),
);

executorTest('Pool.starmap() spreads each item [_TestPool.test_starmap test_starmap_async]', () =>
  withPool(2, async (pool) => {
    const pairs = range(100).map((i) => [i, i + 1] as [number, number]);
    const sums = pairs.map(([a, b]) => a + b);
    assert.deepEqual(await inTime(pool.starmap(tasks.add, pairs)), sums);
    assert.deepEqual(await inTime(pool.starmap(tasks.add, pairs, { chunkSize: 1 })), sums);
    assert.deepEqual(await inTime(pool.starmapAsync(tasks.add, pairs).get()), sums);
    assert.ok((await errorOf(pool.starmap(tasks.add, [5 as unknown as number[]]))) instanceof TypeError);
  }),
);

executorTest(
  'mapAsync() and applyAsync() give a result to ask, with callbacks [_TestPool.test_async test_map_async test_map_async_callbacks]',
  (t) =>
    withPool(2, async (pool) => {
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

executorTest(
  'AsyncResult.get() and wait() reject with TimeoutError when time runs out; the call goes on [_TestPool.test_async_timeout]',
  (t) =>
    withPool(1, async (pool) => {
      const { path, open } = gate(t);
      const result = pool.applyAsync(tasks.block<number>, [path, 1]);
      assert.ok((await errorOf(result.get(10))) instanceof TimeoutError);
      assert.ok((await errorOf(result.wait({ timeout: 0 }))) instanceof TimeoutError);
      open();
      assert.equal(await inTime(result.get(30_000)), 1);
    }),
);

executorTest('a callback that throws is a warning and harms nothing', () =>
  withPool(1, async (pool) => {
    const warned = once(process, 'warning');
    const result = pool.applyAsync(tasks.square, [3], {
      callback: () => {
        throw new Error('of the callback');
      },
    });
    assert.equal(await inTime(result), 9);
    assert.match(String((await inTime(warned))[0]), /of the callback/);
  }),
);

executorTest(
  'Pool.imap() gives results in input order, imapUnordered() all of them [_TestPool.test_imap test_imap_unordered]',
  () =>
    withPool(3, async (pool) => {
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

executorTest('imapUnordered() does not wait for a slow item', (t) =>
  withPool(2, async (pool) => {
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

executorTest(
  'what the iterable throws rejects the map; imap gives the results before it first [_TestPool.test_map_handle_iterable_exception test_imap_handle_iterable_exception test_imap_unordered_handle_iterable_exception]',
  () =>
    withPool(2, async (pool) => {
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

executorTest(
  "an item's error rejects its next() of imap only, and the whole of map [_TestPool.test_map_no_failfast test_wrapped_exception test_traceback]",
  () =>
    withPool(2, async (pool) => {
      const oddFails = (x: number) => {
        if (x % 2 === 1) throw new RangeError(`odd ${x}`);
        return x;
      };
      const iterator = pool.imap(oddFails, range(4));
      assert.deepEqual(await inTime(iterator.next()), { value: 0, done: false });
      const error = await errorOf(iterator.next());
      assert.ok(error instanceof RangeError && error.message === 'odd 1');
      assert.ok(error.cause instanceof RemoteError);
      assert.deepEqual(await inTime(iterator.next()), { value: 2, done: false });
      assert.equal((await errorOf(iterator.next())).message, 'odd 3');
      assert.equal((await inTime(iterator.next())).done, true);
      for (const chunkSize of [1, 3]) assert.match((await errorOf(pool.map(oddFails, range(10), { chunkSize }))).message, /odd/);
      assert.equal(await inTime(pool.apply(tasks.square, [3])), 9, 'the pool is usable');
    }),
);

executorTest(
  'what cannot be sent rejects its own call, there and back [_TestPool.test_map_unplicklable _TestPoolWorkerErrors.test_unpickleable_result test_async_error_callback]',
  () =>
    withPool(2, async (pool) => {
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

executorTest(
  'a Pool refuses wrong options [_TestPool.test_make_pool _TestPoolWorkerLifetime.test_pool_maxtasksperchild_invalid]',
  async () => {
    for (const processes of [0, -1, 1.5]) assert.throws(() => new Pool(processes), RangeError);
    for (const maxTasksPerChild of [0, -1, 0.5]) assert.throws(() => new Pool({ processes: 1, maxTasksPerChild }), RangeError);
    assert.throws(() => new Pool({ processes: 1, maxTasksPerChild: '12' as unknown as number }), TypeError);
    assert.throws(() => new Pool({ initializer: 5 as unknown as () => void }), TypeError);
    assert.throws(() => new Pool({ onWorkerDeath: 'ignore' as 'break' }), RangeError);
    assert.equal(activeChildren().length, 0, '[TestPoolNotLeakOnFailure.test_release_unused_processes]');
  },
);

executorTest(
  'terminate() rejects what is outstanding with CancelledError, at once [_TestPool.test_terminate test_enter]',
  async (t) => {
    const { path } = gate(t);
    const pool = new Pool(2);
    const applied = pool.applyAsync(tasks.block<number>, [path, 1]);
    const mapped = pool.mapAsync(
      (file: string) => waitFor(file, 1),
      range(1000).map(() => path),
      { chunkSize: 1 },
    );
    const iterator = pool.imap(
      (file: string) => waitFor(file, 1),
      range(1000).map(() => path),
    );
    const next = errorOf(iterator.next());
    void pool.applyAsync(tasks.block<number>, [path, 2]); // nobody reads it
    await inTime(pool[Symbol.asyncDispose]());
    for (const error of [await errorOf(applied), await errorOf(mapped), await next])
      assert.ok(error instanceof CancelledError, String(error));
    assert.deepEqual([applied.ready(), applied.successful()], [true, false]);
    assert.throws(() => pool.applyAsync(tasks.square, [1]), ClosedError);
    assert.ok((await errorOf(pool.map(tasks.square, [1]))) instanceof ClosedError);
    await inTime(pool.join());
  },
);

executorTest('close() takes no more calls, lets all begun before be done, maps and iterations included', async () => {
  const pool = new Pool(2);
  await assert.rejects(pool.join(), InvalidStateError);
  const mapped = pool.map(tasks.square, range(2000), { chunkSize: 1, bufferSize: 3 });
  const late = pool.map(tasks.square, slowly(50));
  const iterator = pool.imap(tasks.square, range(100), { bufferSize: 1 });
  pool.close();
  pool.close();
  assert.throws(() => pool.applyAsync(tasks.square, [1]), ClosedError);
  assert.throws(() => pool.imap(tasks.square, [1]), ClosedError);
  const joined = pool.join();
  assert.equal((await inTime(mapped)).length, 2000);
  assert.equal((await inTime(late)).length, 50);
  assert.deepEqual(
    await inTime(all(iterator)),
    range(100).map((i) => i * i),
  );
  await inTime(joined);
});

executorTest('join() waits until all is done, not until it is read: also of an imap that nobody reads', async () => {
  const pool = new Pool(2);
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

executorTest('the initializer runs exactly once in each worker, also when close() follows at once', async (t) => {
  const file = `${scratch(t)}/notes`;
  const pool = new Pool({ processes: 3, initializer: tasks.note, initArgs: [file, 'started'] });
  pool.close();
  await inTime(pool.join());
  assert.equal(notes(file).length, 3);
});

executorTest('a pool that is idle does not keep the program alive, its workers end with it', async () => {
  const { code, output, complaints } = await program('idle-pool.mjs');
  assert.deepEqual([code, output, complaints], [0, '2 3 4\n', '']);
});

executorTest('workers are named PoolWorker-N and are active children', () =>
  withPool(2, async () => {
    const names = activeChildren().map(({ name }) => name);
    assert.equal(names.length, 2);
    for (const name of names) assert.match(name, /^PoolWorker-\d+$/);
  }),
);

executorTest(
  'a worker ends after maxTasksPerChild tasks and is replaced [_TestPoolWorkerLifetime.test_pool_worker_lifetime]',
  () =>
    withPool({ processes: 3, maxTasksPerChild: 10 }, async (pool) => {
      const before = new Set(activeChildren().map(({ pid }) => pid));
      const pids = await inTime(pool.map((i: number) => [i, process.pid] as const, range(100), { chunkSize: 1 }));
      const counts = new Map<number, number>();
      for (const [, pid] of pids) counts.set(pid, (counts.get(pid) ?? 0) + 1);
      assert.ok([...counts.values()].every((count) => count <= 10));
      await until(() => activeChildren().every(({ pid }) => !before.has(pid)), 'the end of the first workers');
    }),
);

executorTest(
  'all is done although close() comes early and workers are replaced [_TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close]',
  async () => {
    const pool = new Pool({ processes: 3, maxTasksPerChild: 1 });
    const results = range(6).map((i) => pool.applyAsync(tasks.square, [i]));
    pool.close();
    await inTime(pool.join());
    assert.deepEqual(
      await inTime(Promise.all(results)),
      range(6).map((i) => i * i),
    );
  },
);

executorTest("a worker's death costs its task and it is replaced; with 'break' the pool is broken", async () => {
  await withPool(2, async (pool) => {
    const deaths = range(6).map(() => errorOf(pool.apply(tasks.die, ['SIGKILL'])));
    const rest = range(50).map((i) => pool.apply(tasks.square, [i]));
    for (const error of await Promise.all(deaths)) assert.ok(error instanceof ProcessDiedError && error.signal === 'SIGKILL');
    assert.deepEqual(
      await inTime(Promise.all(rest)),
      range(50).map((i) => i * i),
    );
    const mapped = await errorOf(pool.map((i: number) => (i === 7 ? process.exit(3) : i), range(20)));
    assert.ok(mapped instanceof ProcessDiedError && mapped.exitCode === 3, String(mapped));
    await until(() => activeChildren().length === 2, 'the new workers');
  });
  const pool = new Pool({ processes: 1, onWorkerDeath: 'break' });
  const errors = await Promise.all([errorOf(pool.apply(tasks.die, ['SIGKILL'])), errorOf(pool.map(tasks.square, range(9)))]);
  for (const error of errors) assert.ok(error instanceof BrokenProcessPoolError, String(error));
  assert.throws(() => pool.applyAsync(tasks.square, [1]), BrokenProcessPoolError);
  await inTime(pool.terminate());
});

executorTest('an initializer that fails breaks the pool, with its error as cause; nothing hangs', async () => {
  const pool = new Pool({ processes: 2, initializer: tasks.fail, initArgs: ['not initialised'] });
  const error = await errorOf(pool.map(tasks.square, range(5)));
  assert.ok(error instanceof BrokenProcessPoolError && (error.cause as Error).message === 'not initialised', String(error));
  pool.close();
  await inTime(pool.join());
  const dying = new Pool({ processes: 2, initializer: tasks.exit, initArgs: [3] });
  const broken = await errorOf(dying.apply(tasks.square, [5]));
  assert.ok(broken instanceof BrokenProcessPoolError && broken.cause instanceof ProcessDiedError, String(broken));
  await inTime(dying.terminate());
});

executorTest('timeout, taskTimeout and signal end calls and maps', (t) =>
  withPool(2, async (pool) => {
    const { path, open } = gate(t);
    assert.ok((await errorOf(pool.apply(tasks.busy, [], { taskTimeout: 50 }))) instanceof TimeoutError);
    assert.ok((await errorOf(pool.map(tasks.busy as (x: number) => never, [1, 2], { taskTimeout: 50 }))) instanceof TimeoutError);
    const controller = new AbortController();
    const { signal } = controller;
    const ended = [
      errorOf(pool.apply(tasks.busy, [], { signal })),
      errorOf(pool.map(tasks.busy as (x: number) => never, range(100), { signal })),
    ];
    controller.abort(new Error('enough'));
    for (const error of await Promise.all(ended)) {
      assert.ok(error instanceof CancelledError, String(error));
      assert.equal((error.cause as Error).message, 'enough');
    }
    assert.ok((await errorOf(pool.apply(tasks.square, [1], { signal }))) instanceof CancelledError);
    const block = (file: string) => waitFor(file, 1);
    const late = [
      errorOf(pool.map(block, [path, path, path], { timeout: 20 })),
      errorOf(pool.apply(tasks.block<number>, [path, 1], { timeout: 20 })),
    ];
    for (const error of await Promise.all(late)) assert.ok(error instanceof TimeoutError);
    open();
    assert.equal(await inTime(pool.apply(tasks.square, [4])), 16);
  }),
);

executorTest('onProgress is told after each chunk', () =>
  withPool(2, async (pool) => {
    const told: [number, number | undefined][] = [];
    await inTime(pool.map(tasks.square, range(10), { chunkSize: 3, onProgress: (done, total) => told.push([done, total]) }));
    assert.deepEqual(told.at(-1), [10, 10]);
    assert.equal(told.length, 4);
    const error = await errorOf(
      pool.map(tasks.square, range(10), {
        chunkSize: 1,
        onProgress: () => {
          throw new RangeError('of the user');
        },
      }),
    );
    assert.equal(error.message, 'of the user');
  }),
);

executorTest('imap reads its items no further than bufferSize ahead, and tells them when nobody goes on', () =>
  withPool(1, async (pool) => {
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

executorTest('killed workers while a map runs: it settles, and nothing is left', async () => {
  const pool = new Pool(3);
  for (let round = 0; round < 5; round++) {
    const pids = activeChildren().map(({ pid }) => pid as number);
    const mapped = pool
      .map(
        tasks.spin,
        range(200).map(() => 1),
        { chunkSize: 1 },
      )
      .then(
        () => null,
        (error: unknown) => error,
      );
    const applied = await inTime(pool.apply(tasks.square, [2]).catch((error: unknown) => error));
    assert.ok(applied === 4 || applied instanceof ProcessDiedError || applied instanceof BrokenProcessPoolError, String(applied));
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    const error = await inTime(mapped);
    assert.ok(error === null || error instanceof ProcessDiedError || error instanceof BrokenProcessPoolError, String(error));
    if (error instanceof BrokenProcessPoolError) break;
  }
  await inTime(pool.terminate());
});
