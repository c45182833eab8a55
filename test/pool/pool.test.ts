import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  activeChildren,
  BrokenProcessPoolError,
  CancelledError,
  Pool,
  type PoolOptions,
  ProcessDiedError,
  TimeoutError,
} from 'multiproc';
import { range } from '../futures/conformance-support.js';
import { closeAfter, errorOf, executorTest, gate, inTime, isAlive, program, tasks, until } from '../futures/executor-support.js';

const withPool = <T>(options: number | PoolOptions, use: (pool: Pool) => Promise<T>): Promise<T> =>
  closeAfter(new Pool(options), use);

const waitFor = tasks.block<number>;

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

executorTest('a main script needs no guard: no worker runs it [TestNoForkBomb.test_noforkbomb]', async () => {
  const { code, output, complaints } = await program('unguarded.mjs');
  assert.deepEqual([code, output, complaints], [0, 'main script\n2 4 6\n', '']);
});

executorTest(
  'a module that uses a pool when it is loaded is told so; workers do not load it for ever [TestNoForkBomb.test_noforkbomb] [fault 78]',
  async () => {
    const { code, output, complaints } = await program('loads.mjs', ['./starts-itself.mjs']);
    assert.equal(code, 1);
    assert.match(complaints, /must not start children when it is loaded/);
    const times = output.match(/loaded/g)?.length ?? 0; // the program, and each of its two workers that got that far
    assert.ok(times === 2 || times === 3, output);
  },
);

executorTest('a module may have a pool: a worker that loads it starts no workers of its own until it uses it', async () => {
  const { code, output, complaints } = await program('loads.mjs', ['./has-a-pool.mjs']);
  assert.deepEqual([code, output, complaints], [0, '0 0\n', '']);
});
