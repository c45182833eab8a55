import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import {
  activeChildren,
  BrokenExecutorError,
  CancelledError,
  ClosedError,
  currentProcess,
  InvalidStateError,
  ProcessDiedError,
  setExecutable,
  SystemError,
} from '#src/index.js';
import { all, assertCollected, range, slowly, withPoolOf } from '../futures/conformance-support.js';
import { errorOf, gate, inTime, notes, scratch, tasks, until } from '../futures/executor-support.js';
import { eachKind } from '../support/kinds.js';

eachKind(
  'a Pool refuses wrong options [_TestPool.test_make_pool _TestPoolWorkerLifetime.test_pool_maxtasksperchild_invalid]',
  async (kind) => {
    for (const processes of [0, -1, 1.5]) assert.throws(() => new kind.Pool(processes), RangeError);
    for (const processes of [4033, 1e9]) {
      const refusal = { name: 'RangeError', message: new RegExp(`at most 4032, .* received ${processes}$`) };
      for (const given of [processes, { processes }]) assert.throws(() => new kind.Pool(given), refusal);
    }
    for (const maxTasksPerChild of [0, -1, 0.5])
      assert.throws(() => new kind.Pool({ processes: 1, maxTasksPerChild }), RangeError);
    assert.throws(() => new kind.Pool({ processes: 1, maxTasksPerChild: '12' as unknown as number }), TypeError);
    assert.throws(() => new kind.Pool({ initializer: 5 as unknown as () => void }), TypeError);
    assert.throws(() => new kind.Pool({ onWorkerDeath: 'ignore' as 'break' }), RangeError);
  },
);

eachKind(
  'terminate() rejects what is outstanding with CancelledError, at once [_TestPool.test_terminate _TestPool.test_context]',
  async (kind, t) => {
    const { path } = gate(t);
    const pool = new kind.Pool(2);
    const applied = pool.applyAsync(tasks.block<number>, [path, 1]);
    const mapped = pool.mapAsync(
      (file: string) => tasks.block<number>(file, 1),
      range(1000).map(() => path),
      { chunkSize: 1 },
    );
    const iterator = pool.imap(
      (file: string) => tasks.block<number>(file, 1),
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

eachKind('close() takes no more calls, lets all begun before be done, maps and iterations included', async (kind) => {
  const pool = new kind.Pool(2);
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

eachKind('the initializer runs exactly once in each worker, also when close() follows at once', async (kind, t) => {
  const file = `${scratch(t)}/notes`;
  const pool = new kind.Pool({
    processes: 3,
    initializer: tasks.note as (file: string, text: string) => void,
    initArgs: [file, 'started'],
  });
  pool.close();
  await inTime(pool.join());
  assert.equal(notes(file).length, 3);
});

eachKind(
  'a worker ends after maxTasksPerChild tasks and is replaced [_TestPoolWorkerLifetime.test_pool_worker_lifetime]',
  (kind) =>
    withPoolOf(kind, { processes: 3, maxTasksPerChild: 10 }, async (pool) => {
      const first = new Set(activeChildren());
      assert.equal(first.size, 3);
      const names = await inTime(pool.starmap(() => currentProcess().name, range(100).map(() => []) as [][], { chunkSize: 1 }));
      const counts = new Map<string, number>();
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
      assert.ok(counts.size >= 10 && [...counts.values()].every((count) => count <= 10), JSON.stringify([...counts]));
      for (const i of range(3)) await inTime(pool.apply(tasks.square, [i]));
      await until(() => activeChildren().every((child) => !first.has(child)), 'the end of the first workers');
    }),
);

eachKind(
  'all is done although close() comes early and workers are replaced [_TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close]',
  async (kind) => {
    const pool = new kind.Pool({ processes: 3, maxTasksPerChild: 1 });
    const results = range(6).map((i) => pool.applyAsync(tasks.square, [i]));
    pool.close();
    await inTime(pool.join());
    assert.deepEqual(
      await inTime(Promise.all(results)),
      range(6).map((i) => i * i),
    );
  },
);

eachKind('an initializer that fails breaks the pool, with its error as cause; nothing hangs', async (kind) => {
  const pool = new kind.Pool({
    processes: 2,
    initializer: tasks.fail as (message: string) => void,
    initArgs: ['not initialised'],
  });
  const error = await errorOf(pool.map(tasks.square, range(5)));
  assert.ok(error instanceof BrokenExecutorError && (error.cause as Error).message === 'not initialised', String(error));
  pool.close();
  await inTime(pool.join());
  const dying = new kind.Pool({ processes: 2, initializer: tasks.exit as (code: number) => void, initArgs: [3] });
  const broken = await errorOf(dying.apply(tasks.square, [5]));
  assert.ok(broken instanceof BrokenExecutorError && broken.cause instanceof ProcessDiedError, String(broken));
  await inTime(dying.terminate());
});

eachKind('await using terminates; a pool that was ended takes no more calls [_TestPool.test_enter O-14]', async (kind) => {
  const pool = new kind.Pool(1);
  assert.equal(await inTime(pool.apply(tasks.square, [3])), 9);
  await inTime(pool[Symbol.asyncDispose]()); // what `await using` does at the end of its block
  assert.throws(() => pool.applyAsync(tasks.square, [3]), ClosedError);
  await inTime(pool.join());
});

eachKind('a pool keeps no argument of a call that is done [_TestPool.test_release_task_refs]', (kind) =>
  withPoolOf(kind, 2, async (pool) => {
    const call = () => {
      const items = range(10).map((i) => ({ i }));
      return { done: pool.map(tasks.identity, items).then(() => {}), references: items.map((item) => new WeakRef(item)) };
    };
    const { done, references } = call();
    await inTime(done);
    for (const reference of references) await assertCollected(reference, 'an item');
  }),
);

eachKind(
  'workers run their exit handlers when the pool is closed, and when they are replaced [_TestPoolWorkerLifetime.test_worker_finalization_via_atexit_handler_of_multiprocessing]',
  async (kind, t) => {
    const file = `${scratch(t)}/notes`;
    const initializer = async (path: string) => {
      const { appendFileSync } = await import('node:fs');
      process.on('exit', () => appendFileSync(path, 'ended\n'));
    };
    for (const [maxTasksPerChild, expected] of [
      [undefined, 2],
      [1, 4],
    ] as const) {
      const pool = new kind.Pool({ processes: 2, initializer, initArgs: [file], maxTasksPerChild });
      for (const i of range(4)) assert.equal(await inTime(pool.apply(tasks.square, [i])), i * i);
      pool.close();
      await inTime(pool.join());
      assert.ok(notes(file).length >= expected, `${notes(file).length}`);
      rmSync(file);
    }
  },
);

eachKind(
  'a pool whose workers cannot be started is broken and leaves nothing [TestPoolNotLeakOnFailure.test_release_unused_processes]',
  async (kind) => {
    setExecutable('/nonexistent/node');
    try {
      const pool = new kind.Pool(6);
      const error = await errorOf(pool.apply(tasks.square, [1]));
      assert.ok(error instanceof BrokenExecutorError && error.cause instanceof SystemError, String(error));
      await inTime(pool.terminate());
      assert.equal(activeChildren().length, 0);
    } finally {
      setExecutable(process.execPath);
    }
  },
  ({ name }) => name === 'spawn',
);

eachKind(
  'initializers must be functions; what they set is there in each call [TestInitializers.test_pool_initializer]',
  async (kind) => {
    for (const initializer of [1, 'no', {}])
      assert.throws(() => new kind.Pool({ initializer: initializer as unknown as () => void }), TypeError);
    await withPoolOf(kind, { processes: 1, initializer: tasks.initialize, initArgs: ['set'] }, async (pool) => {
      assert.deepEqual((await inTime(pool.apply(tasks.initialized))).given, ['set']);
    });
  },
);

eachKind('a pool that nobody keeps ends its workers, with a warning [_TestPool.test_resource_warning O-15]', async (kind) => {
  const warned: string[] = [];
  const listen = ({ message }: Error) => warned.push(message);
  process.on('warning', listen);
  try {
    const use = async () => {
      const pool = new kind.Pool(1);
      assert.equal(await inTime(pool.apply(tasks.square, [3])), 9);
      return new WeakRef(pool);
    };
    await assertCollected(await use(), 'the pool');
    await until(() => activeChildren().length === 0, 'the end of the workers');
    await until(() => warned.length > 0, 'the warning');
    assert.match(warned.join(), /was not closed/);
  } finally {
    process.off('warning', listen);
  }
});
