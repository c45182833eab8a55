import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  asCompleted,
  BrokenExecutorError,
  CancelledError,
  ClosedError,
  type Future,
  ProcessDiedError,
  ProcessPoolExecutor,
  RemoteError,
  setExecutable,
  SystemError,
} from '#src/index.js';
import { eachKind } from '../support/kinds.js';
import { all, range, withExecutorOf } from './conformance-support.js';
import { errorOf, executorTest, gate, inTime, notes, scratch, tasks, until, withExecutor } from './executor-support.js';

const separate = ({ separate: own }: { separate: boolean }) => own;

eachKind(
  'a killed worker fails its task and every later submit [ProcessPoolExecutorTest.test_killed_child]',
  async (kind, t) => {
    const executor = new kind.Executor({ maxWorkers: 1 });
    const { path } = gate(t);
    const pid = await inTime(executor.submit(tasks.pid));
    const future = executor.submit(tasks.block<number>, path, 3);
    await until(() => future.running(), 'the task to run');
    process.kill(pid, 'SIGKILL');
    assert.ok((await errorOf(future)) instanceof BrokenExecutorError);
    assert.throws(() => executor.submit(tasks.pid), BrokenExecutorError);
    await inTime(executor.shutdown());
  },
  separate,
);

eachKind(
  'what broke an executor is the cause of what its futures say: exit code, signal, phase [ProcessPoolExecutorTest.test_broken_process_pool_traceback ProcessPoolExecutorTest.test_traceback_when_child_process_terminates_abruptly]',
  async (kind) => {
    const executor = new kind.Executor({ maxWorkers: 1 });
    const error = await errorOf(executor.submit(tasks.exit, 3));
    assert.ok(error instanceof BrokenExecutorError && error.cause instanceof ProcessDiedError);
    assert.deepEqual([error.cause.exitCode, error.cause.phase], [3, 'running']);
    assert.match(error.cause.message, /exited with code 3/);
    await inTime(executor.shutdown());
  },
);

eachKind('chunkSize must be a positive integer, and changes no result [ProcessPoolExecutorTest.test_map_chunksize]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
    for (const chunkSize of [-1, 0]) assert.throws(() => executor.map(tasks.square, range(4), { chunkSize }), RangeError);
    const squares = range(40).map((i) => i * i);
    for (const chunkSize of [6, 50, 40])
      assert.deepEqual(await inTime(all(executor.map(tasks.square, range(40), { chunkSize }))), squares);
  }),
);

eachKind("a task's error comes with the worker's stack as its last cause [ProcessPoolExecutorTest.test_traceback]", (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    const error = await errorOf(executor.submit(tasks.fail, 'some comment'));
    assert.ok(error instanceof RangeError && error.message === 'some comment');
    assert.ok(error.cause instanceof RemoteError && /tasks\.mjs/.test(error.cause.stack ?? ''), String(error.cause));
  }),
);

eachKind('a worker keeps no argument of a task that is done [ProcessPoolExecutorTest.test_ressources_gced_in_workers]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    const remember = (argument: object) => {
      (globalThis as { kept?: WeakRef<object> }).kept = new WeakRef(argument);
    };
    const isGone = async () => {
      const { setFlagsFromString } = await import('node:v8');
      const { runInNewContext } = await import('node:vm');
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      const { kept } = globalThis as { kept?: WeakRef<object> };
      for (let i = 0; i < 100 && kept?.deref() !== undefined; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        collect();
      }
      return kept?.deref() === undefined;
    };
    await inTime(executor.submit(remember, { a: 1 }));
    assert.equal(await inTime(executor.submit(isGone)), true);
  }),
);

eachKind(
  'a worker ends after maxTasksPerChild tasks and another takes its place [ProcessPoolExecutorTest.test_max_tasks_per_child]',
  (kind, t) =>
    withExecutorOf(kind, { maxWorkers: 1, maxTasksPerChild: 3 }, async (executor) => {
      const file = `${scratch(t)}/notes`;
      const worker = () => ((globalThis as { number?: number }).number ??= Math.random());
      const first = await inTime(Promise.all(range(3).map(() => executor.submit(worker))));
      const next = await inTime(executor.submit(worker));
      assert.equal(new Set(first).size, 1);
      assert.notEqual(next, first[0]);
      await inTime(executor.submit(tasks.note, file, 'x'));
      assert.equal(notes(file).length, 1);
    }),
);

executorTest(
  'with maxTasksPerChild and no context workers start as without it: as fresh processes [ProcessPoolExecutorTest.test_max_tasks_per_child_defaults_to_spawn_context]',
  () =>
    withExecutor({ maxWorkers: 1, maxTasksPerChild: 1 }, async (executor) => {
      const started = (): string => readFileSync('/proc/self/cmdline', 'utf8');
      for (let i = 0; i < 2; i++) assert.match(await inTime(executor.submit(started)), /worker-entry/);
      assert.notEqual(await inTime(executor.submit(tasks.pid)), await inTime(executor.submit(tasks.pid)));
    }),
);

eachKind(
  'a thread of an executor has its name for the operating system too, where node names threads [InterpreterPoolExecutorTest.test_thread_name_prefix_with_thread_get_name]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const [major] = process.versions.node.split('.').map(Number);
      const name = await inTime(executor.submit(() => readFileSync('/proc/thread-self/comm', 'utf8').trim()));
      if ((major as number) >= 24) assert.match(name, /^PoolWorker-\d+$/);
      else assert.notEqual(name, '', 'node names none');
    }),
  ({ name }) => name === 'thread',
);

eachKind(
  'tasks that wait when a worker has run all it may are run by its successors [ProcessPoolExecutorTest.test_max_tasks_per_child_pending_tasks_gh115634 gh-115634 fault 42]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1, maxTasksPerChild: 2 }, async (executor) => {
      const futures = range(7).map((x) => executor.submit(tasks.later<number>, x, 2));
      assert.deepEqual(await inTime(Promise.all(futures)), range(7));
      assert.ok(executor.stats().restarts >= 3);
    }),
);

eachKind(
  'shutdown({ wait: false }) while workers are being replaced loses no task [ProcessPoolExecutorTest.test_shutdown_no_wait_max_tasks_gh119592 gh-119592]',
  async (kind) => {
    const executor = new kind.Executor({ maxWorkers: 1, maxTasksPerChild: 1 });
    const futures = range(4).map((x) => executor.submit(tasks.later<number>, x, 2));
    await inTime(executor.shutdown({ wait: false }));
    assert.deepEqual(await inTime(Promise.all(futures)), range(4));
    await inTime(executor.shutdown());
  },
);

eachKind(
  'shutdown({ wait: false }) while a worker has run all that it may run loses no task that follows [ProcessPoolShutdownTest.test_shutdown_gh_132969_case_1 ProcessPoolShutdownTest.test_shutdown_gh_132969_case_2 gh-132969]',
  async (kind) => {
    for (const maxTasksPerChild of [1, 2]) {
      const executor = new kind.Executor({ maxWorkers: 1, maxTasksPerChild });
      const done = await inTime(executor.submit(tasks.square, 2));
      const last = executor.submit(tasks.later<number>, 10, 2);
      const failing = errorOf(executor.submit(tasks.fail, 'mine'));
      await inTime(executor.shutdown({ wait: false }));
      assert.deepEqual([done, await inTime(last), (await failing).message], [4, 10, 'mine']);
      await inTime(executor.shutdown());
    }
  },
);

eachKind(
  'an executor that nobody keeps while its workers are being replaced does all its tasks [ProcessPoolExecutorTest.test_gc_during_max_tasks_worker_exit_gh152967 gh-152967]',
  async (kind) => {
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const futures = ((): Future<number>[] => {
      const executor = new kind.Executor({ maxWorkers: 2, maxTasksPerChild: 1 });
      return range(6).map((x) => executor.submit(tasks.later<number>, x, 2));
    })();
    for await (const _ of asCompleted(futures)) collect();
    assert.deepEqual(await inTime(Promise.all(futures)), range(6));
  },
);

eachKind(
  'terminateWorkers() and killWorkers() while workers end by themselves hang nobody [ProcessPoolExecutorTest.test_force_shutdown_during_max_tasks_worker_exit]',
  async (kind) => {
    for (const end of ['terminateWorkers', 'killWorkers'] as const) {
      const executor = new kind.Executor({ maxWorkers: 2, maxTasksPerChild: 1 });
      const futures = range(6).map((x) => executor.submit(tasks.later<number>, x, 1));
      await inTime(futures[0] as Future<number>);
      const outcomes = Promise.allSettled(futures);
      await inTime(executor[end](), end);
      for (const outcome of await inTime(outcomes)) {
        if (outcome.status === 'rejected')
          assert.ok(
            outcome.reason instanceof BrokenExecutorError || outcome.reason instanceof CancelledError,
            String(outcome.reason),
          );
      }
    }
  },
);

executorTest(
  'a worker that cannot be replaced breaks the executor, with the reason [ProcessPoolExecutorTest.test_failed_worker_replacement_breaks_pool]',
  async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1, context: 'spawn' });
    assert.equal(await inTime(executor.submit(tasks.square, 3)), 9);
    setExecutable('/nonexistent/node');
    try {
      const error = await errorOf(executor.submit(tasks.square, 4));
      assert.ok(error instanceof BrokenExecutorError && error.cause instanceof SystemError, String(error));
      assert.equal(error.cause.code, 'ENOENT');
      assert.throws(() => executor.submit(tasks.square, 5), BrokenExecutorError);
    } finally {
      setExecutable(process.execPath);
    }
    await inTime(executor.shutdown());
  },
);

eachKind(
  'shutdown() at once, with workers to be replaced, does all that was submitted [ProcessPoolExecutorTest.test_max_tasks_early_shutdown]',
  async (kind) => {
    const executor = new kind.Executor({ maxWorkers: 2, maxTasksPerChild: 2 });
    const futures = range(6).map((x) => executor.submit(tasks.square, x));
    await inTime(executor.shutdown());
    assert.deepEqual(
      await inTime(Promise.all(futures)),
      range(6).map((x) => x * x),
    );
  },
);

for (const end of ['terminateWorkers', 'killWorkers'] as const) {
  const [python, forced] =
    end === 'terminateWorkers'
      ? ['[ProcessPoolExecutorTest.test_terminate_workers]', '[ProcessPoolExecutorTest.test_force_shutdown_workers]']
      : ['[ProcessPoolExecutorTest.test_kill_workers]', '[ProcessPoolExecutorTest.test_force_shutdown_workers_stops_pool]'];
  eachKind(`${end}() ends what runs, cancels what waits, and stops the executor ${python} ${forced} [E-13]`, async (kind, t) => {
    const executor = new kind.Executor({ maxWorkers: 1 });
    const { path } = gate(t);
    await inTime(executor.submit(tasks.square, 1)); // a thread that is killed while node loads a module leaves its file open
    const running = executor.submit(tasks.hold<number>, path, 1);
    const waiting = executor.submit(tasks.square, 2);
    await until(() => running.running(), 'the task to run');
    const [first, second] = [errorOf(running), errorOf(waiting)];
    await inTime(executor[end](), end);
    assert.ok((await first) instanceof BrokenExecutorError);
    assert.ok((await second) instanceof CancelledError && waiting.cancelled());
    assert.throws(() => executor.submit(tasks.square, 3), ClosedError);
    assert.equal(executor.stats().workers, 0);
  });

  eachKind(
    `${end}() of an executor without workers, or with dead ones, is done at once [ProcessPoolExecutorTest.test_force_shutdown_workers_dead_workers ProcessPoolExecutorTest.test_force_shutdown_workers_not_started_yet]`,
    async (kind) => {
      const unused = new kind.Executor({ maxWorkers: 2 });
      await inTime(unused[end](), end);
      assert.throws(() => unused.submit(tasks.square, 3), ClosedError);
      const broken = new kind.Executor({ maxWorkers: 1 });
      assert.ok((await errorOf(broken.submit(tasks.exit, 1))) instanceof BrokenExecutorError);
      await inTime(broken[end](), end);
      await inTime(broken[end](), `${end} again`);
    },
  );
}
