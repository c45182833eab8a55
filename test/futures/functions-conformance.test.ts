import assert from 'node:assert/strict';
import { BrokenExecutorError, cpuCount, currentProcess } from '#src/index.js';
import { eachKind } from '../support/kinds.js';
import { range, withExecutorOf } from './conformance-support.js';
import { errorOf, gate, inTime, notes, scratch, tasks, until } from './executor-support.js';

eachKind(
  'map() submits although nobody reads its results yet [ThreadPoolExecutorTest.test_map_submits_without_iteration]',
  (kind, t) =>
    withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
      const file = `${scratch(t)}/notes`;
      executor.map(tasks.note as (file: string, text: string) => string, new Array<string>(4).fill(file), range(4).map(String));
      await inTime(executor.shutdown());
      assert.deepEqual(
        notes(file)
          .map((line) => line.split(' ')[0])
          .sort(),
        ['0', '1', '2', '3'],
      );
    }),
);

eachKind('by default there are as many workers as usable CPUs [ThreadPoolExecutorTest.test_default_workers]', async (kind) => {
  const executor = new kind.Executor();
  assert.equal((await inTime(executor.broadcast(tasks.square, 1))).length, cpuCount());
  await inTime(executor.shutdown());
});

eachKind(
  'whoever stops reading a map cancels what has not begun [ThreadPoolExecutorTest.test_executor_map_current_future_cancel]',
  (kind, t) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const { path, open } = gate(t);
      const file = `${scratch(t)}/notes`;
      const blocked = executor.submit(tasks.block<number>, path, 1);
      await until(() => blocked.running(), 'the task to run');
      const results = executor.map(tasks.note as (file: string, text: string) => string, new Array<string>(3).fill(file), [
        'a',
        'b',
        'c',
      ]);
      const next = results.next();
      await results.return?.();
      assert.deepEqual(await inTime(next), { value: undefined, done: true });
      open();
      await inTime(executor.shutdown());
      assert.deepEqual(notes(file), []);
    }),
);

eachKind(
  'the initializer runs once in each worker, with its arguments [InitializerMixin.test_initializer InterpreterPoolExecutorTest.test_init_func InterpreterPoolExecutorTest.test_init_with___main___global]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 2, initializer: tasks.initialize, initArgs: ['initialized', 2] }, async (executor) => {
      for (const { given, calls } of await inTime(executor.broadcast(tasks.initialized)))
        assert.deepEqual([given, calls], [['initialized', 2], 1]);
    }),
);

eachKind(
  'closures and methods are initializers and tasks [InterpreterPoolExecutorTest.test_init_closure InterpreterPoolExecutorTest.test_init_instance_method InterpreterPoolExecutorTest.test_submit_closure InterpreterPoolExecutorTest.test_submit_local_instance InterpreterPoolExecutorTest.test_submit_instance_method InterpreterPoolExecutorTest.test_submit_func_globals]',
  async (kind) => {
    const captured = { a: 1 };
    const store = globalThis as { stored?: unknown };
    const initializer = () => {
      (globalThis as { stored?: unknown }).stored = captured;
    };
    await withExecutorOf(kind, { maxWorkers: 1, initializer }, async (executor) => {
      assert.deepEqual(await inTime(executor.submit(() => (globalThis as { stored?: unknown }).stored)), { a: 1 });
      assert.equal(store.stored, undefined, 'here nothing was stored');
      const point = new tasks.Point(3, 4);
      assert.equal(await inTime(executor.submit((each: InstanceType<typeof tasks.Point>) => each.norm(), point)), 5);
      assert.equal(await inTime(executor.submit(() => point.norm())), 5);
    });
  },
);

eachKind(
  'an initializer that fails breaks the executor, with its error as cause, and leaves nothing [FailingInitializerMixin.test_initializer FailingInitializerResourcesTest.test_spawn FailingInitializerResourcesTest.test_forkserver InterpreterPoolExecutorTest.test_init_exception_in_func E-10]',
  async (kind) => {
    const executor = new kind.Executor({
      maxWorkers: 2,
      initializer: tasks.fail as (message: string) => void,
      initArgs: ['no start'],
    });
    const error = await errorOf(executor.submit(tasks.square, 2));
    assert.ok(error instanceof BrokenExecutorError && error.cause instanceof RangeError, String(error));
    assert.equal(error.cause.message, 'no start');
    assert.throws(() => executor.submit(tasks.square, 2), BrokenExecutorError);
    await inTime(executor.shutdown());
  },
);

eachKind(
  'errors of tasks arrive as their class; what cannot be sent says where it is [InterpreterPoolExecutorTest.test_submit_exception_in_func InterpreterPoolExecutorTest.test_pickle_errors_propagate]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const failed = await errorOf(
        executor.submit(() => {
          throw new EvalError('spam');
        }),
      );
      assert.ok(failed instanceof EvalError && failed.message === 'spam');
      const unsendable = await errorOf(executor.submit(tasks.identity, { deep: [Symbol('no value')] }));
      assert.deepEqual([unsendable.name, unsendable['path']], ['SerializationError', 'args[0].deep[0]']);
      assert.equal((await errorOf(executor.submit(() => Symbol('no value')))).name, 'SerializationError');
      assert.equal(await inTime(executor.submit(tasks.square, 2)), 4);
    }),
);

eachKind(
  'tasks that wait for one another proceed where there are workers for them, or one after the other [InterpreterPoolExecutorTest.test_blocking InterpreterPoolExecutorTest.test_blocking_with_limited_workers]',
  async (kind, t) => {
    for (const maxWorkers of [4, 2]) {
      await withExecutorOf(kind, { maxWorkers }, async (executor) => {
        const gates = range(4).map((i) => gate(t, `gate ${maxWorkers} ${i}`));
        const futures = gates.map(({ path }, i) => executor.submit(tasks.block<number>, path, i));
        await until(() => executor.stats().running === maxWorkers, 'as many as there are workers to run');
        assert.ok(futures.every((future) => !future.done()));
        for (const { open } of gates) open();
        assert.deepEqual(await inTime(Promise.all(futures)), range(4));
      });
    }
  },
);

eachKind(
  'workers are named PoolWorker-N, each its own [ThreadPoolShutdownTest.test_thread_names_default ThreadPoolShutdownTest.test_thread_names_assigned InterpreterPoolExecutorTest.test_thread_name_prefix O-02]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
      const names = await inTime(executor.broadcast(() => currentProcess().name));
      assert.equal(new Set(names).size, 2);
      for (const each of names) assert.match(each, /^PoolWorker-\d+$/);
    }),
);
