import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import {
  activeChildren,
  BrokenProcessPoolError,
  CancelledError,
  ClosedError,
  ProcessPoolExecutor,
  QueueFullError,
  SerializationError,
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
  withExecutor,
  workerPids,
} from './executor-support.js';

executorTest(
  'workers start with the first task, are reused one after the other, and a burst starts up to maxWorkers [E-03]',
  (t) => {
    const { path, open } = gate(t);
    return withExecutor({ maxWorkers: 3 }, async (executor) => {
      assert.deepEqual(workerPids(), []);
      const first = await executor.submit(tasks.pid);
      assert.deepEqual(workerPids(), [first]);
      for (let i = 0; i < 20; i++) assert.equal(await executor.submit(tasks.pid), first);
      assert.deepEqual(workerPids(), [first]);
      const burst = Array.from({ length: 10 }, () => executor.submit(tasks.hold, path, 1));
      await until(() => burst.filter((future) => future.running()).length === 3, 'three tasks at once');
      assert.equal(workerPids().length, 3);
      assert.equal(activeChildren().length, 3);
      assert.ok(activeChildren().every(({ name }) => /^PoolWorker-\d+$/.test(name)));
      open();
      await inTime(Promise.all(burst));
      assert.equal(workerPids().length, 3);
    });
  },
);

executorTest('the initializer runs exactly once in each worker, before its first task, with its arguments', () =>
  withExecutor({ maxWorkers: 2, initializer: tasks.initialize as () => void, initArgs: ['a', { b: 1 }] }, async (executor) => {
    const pids = new Set<number>();
    const all = await inTime(executor.broadcast(tasks.initialized));
    const some = await inTime(Promise.all(Array.from({ length: 40 }, () => executor.submit(tasks.initialized))));
    for (const { given, calls, pid } of [...all, ...some]) {
      assert.deepEqual([given, calls], [['a', { b: 1 }], 1]);
      pids.add(pid);
    }
    assert.equal(pids.size, 2);
  }),
);

executorTest('an asynchronous initializer is awaited; it runs although shutdown() follows at once', async (t) => {
  const file = `${scratch(t)}/notes`;
  const initializer = async (path: string) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    (await import('node:fs')).appendFileSync(path, 'initialized\n');
  };
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, initializer, initArgs: [file] });
  const future = executor.submit(
    (path: string) => import('node:fs').then(({ readFileSync }) => readFileSync(path, 'utf8')),
    file,
  );
  const shutdown = executor.shutdown();
  assert.equal(await inTime(future), 'initialized\n');
  await inTime(shutdown);
  assert.deepEqual(notes(file), ['initialized']);
});

for (const [how, initializer] of [
  [
    'throws',
    () => {
      throw new RangeError('no start');
    },
  ],
  [
    'rejects',
    async () => {
      throw new RangeError('no start');
    },
  ],
  [
    'fails in a timer',
    async () => {
      setTimeout(() => {
        throw new RangeError('no start');
      }, 1);
      await new Promise(() => {});
    },
  ],
  [
    'rejects unhandled',
    async () => {
      void Promise.reject(new RangeError('no start'));
      await new Promise(() => {});
    },
  ],
] as [string, () => void][]) {
  executorTest(
    `an initializer that ${how} breaks the executor with its error as cause; no storm of workers [fault 41 E-10]`,
    (t) => {
      const file = `${scratch(t)}/notes`;
      const started = async (path: string, fail: () => unknown) => {
        (await import('node:fs')).appendFileSync(path, `${process.pid}\n`);
        await fail();
      };
      return withExecutor(
        {
          maxWorkers: 4,
          onWorkerDeath: 'replace',
          initializer: started as (...args: never[]) => unknown,
          initArgs: [file, initializer],
        },
        async (executor) => {
          const futures = Array.from({ length: 20 }, (_, i) => executor.submit(tasks.square, i));
          for (const future of futures) {
            const error = await errorOf(future);
            assert.ok(error instanceof BrokenProcessPoolError, String(error));
            assert.ok(error.cause instanceof RangeError, String(error.cause));
            assert.equal((error.cause as Error).message, 'no start');
          }
          assert.throws(
            () => executor.submit(tasks.square, 1),
            (error) => error instanceof BrokenProcessPoolError && (error.cause as Error).message === 'no start',
          );
          assert.throws(() => executor.map(tasks.square, [1]), BrokenProcessPoolError);
          await until(() => workerPids().length === 0, 'the end of all workers');
          assert.ok(notes(file).length <= 4, `${notes(file).length} workers`);
        },
      );
    },
  );
}

executorTest('bad options throw in the constructor and start nothing [E-01]', async () => {
  const make = (options: unknown) => new ProcessPoolExecutor(options as never);
  for (const name of ['maxWorkers', 'maxTasksPerChild', 'maxPending']) {
    for (const value of [0, -1, 1.5, Number.NaN]) assert.throws(() => make({ [name]: value }), RangeError);
    for (const value of ['2', {}, true]) assert.throws(() => make({ [name]: value }), TypeError);
  }
  for (const given of [5, '4', null])
    assert.throws(() => make(given), { name: 'TypeError', message: /options must be an object/ });
  assert.throws(() => make({ initializer: 5 }), TypeError);
  assert.throws(() => make({ initArgs: 'abc' }), TypeError);
  assert.throws(() => make({ onWorkerDeath: 'ignore' }), RangeError);
  assert.throws(() => make({ initializer: tasks.initialize, initArgs: [new WeakMap()] }), SerializationError);
});

for (const [count, limit, expected] of [
  [6, 2, 3],
  [5, 1, 5],
  [9, 3, 3],
  [7, 5, 2],
] as const) {
  executorTest(
    `maxTasksPerChild ${limit}: ${count} tasks run in ${expected} workers, with a backlog and without a hang [gh-115634 E-11 fault 42]`,
    () =>
      withExecutor({ maxWorkers: 1, maxTasksPerChild: limit }, async (executor) => {
        const pids = await inTime(Promise.all(Array.from({ length: count }, () => executor.submit(tasks.pid))));
        assert.equal(new Set(pids).size, expected, pids.join(' '));
        for (const pid of new Set(pids)) assert.ok(pids.filter((each) => each === pid).length <= limit);
      }),
  );
}

executorTest(
  'maxTasksPerChild holds with two workers, tasks one by one, cancelled ones and chunks, each as one task [gh-119592 gh-152967]',
  (t) => {
    const { path, open } = gate(t);
    return withExecutor({ maxWorkers: 2, maxTasksPerChild: 3 }, async (executor) => {
      const counts = new Map<number, number>();
      const count = (pid: number) => counts.set(pid, (counts.get(pid) ?? 0) + 1);
      for (let i = 0; i < 7; i++) count(await inTime(executor.submit(tasks.pid)));
      (await inTime(Promise.all(Array.from({ length: 40 }, () => executor.submit(tasks.pid))))).forEach(count);
      const held = [executor.submit(tasks.hold, path, 1), executor.submit(tasks.hold, path, 1)];
      await until(() => held.every((future) => future.running()), 'two tasks');
      const cancelled = Array.from({ length: 20 }, () => executor.submit(tasks.pid));
      for (const future of cancelled) assert.ok(future.cancel());
      open();
      await inTime(Promise.all(held));
      for await (const pid of executor.map((item: number) => process.pid + item, Array(20).keys(), { chunkSize: 20 }))
        assert.ok(pid > 0);
      for (const [pid, tasksOfIt] of counts) assert.ok(tasksOfIt <= 3, `${tasksOfIt} tasks in ${pid}`);
    });
  },
);

executorTest('above maxPending submit() throws QueueFullError; whenReady() resolves below it, also for many that wait', (t) => {
  const { path, open } = gate(t);
  return withExecutor({ maxWorkers: 1, maxPending: 3 }, async (executor) => {
    await executor.whenReady();
    const futures = Array.from({ length: 3 }, () => executor.submit(tasks.hold, path, 1));
    assert.throws(() => executor.submit(tasks.square, 1), QueueFullError);
    let ready = false;
    const whenReady = executor.whenReady().then(() => (ready = true));
    await turn();
    assert.equal(ready, false);
    assert.ok(futures[2]?.cancel());
    await inTime(whenReady);
    const again = executor.submit(tasks.square, 4);
    assert.throws(() => executor.submit(tasks.square, 1), QueueFullError);
    open();
    assert.equal(await inTime(again), 16);
    await inTime(Promise.all(futures.slice(0, 2)));
    const full = Array.from({ length: 3 }, () => executor.submit(tasks.later, 1, 20));
    let refused = 0;
    const producers = Array.from({ length: 20 }, async (_, i) => {
      for (;;) {
        await executor.whenReady();
        try {
          return await executor.submit(tasks.square, i);
        } catch (error) {
          assert.ok(error instanceof QueueFullError);
          refused++;
        }
      }
    });
    assert.deepEqual(
      await inTime(Promise.all(producers), '20 producers'),
      Array.from({ length: 20 }, (_, i) => i * i),
    );
    assert.equal(refused, 0, 'whoever is told that there is room finds it');
    await inTime(Promise.all(full));
    const nobodySubmits = Array.from({ length: 10 }, () => executor.whenReady());
    await inTime(Promise.all(nobodySubmits));
  });
});

executorTest('with maxPending 1 a done callback finds room for the next task', () =>
  withExecutor({ maxWorkers: 1, maxPending: 1 }, async (executor) => {
    let left = 20;
    await inTime(
      new Promise<void>((resolve, reject) => {
        const next = () => {
          try {
            executor.submit(tasks.square, left).addDoneCallback(() => (--left === 0 ? resolve() : next()));
          } catch (error) {
            reject(error as Error);
          }
        };
        next();
      }),
    );
  }),
);

executorTest(
  'shutdown() waits for running and queued tasks; then nothing runs and submit() throws ClosedError [F-14 F-17]',
  async (t) => {
    const { path, open } = gate(t);
    const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
    const futures = Array.from({ length: 10 }, (_, i) => executor.submit(tasks.hold, path, i));
    let done = false;
    const shutdown = executor.shutdown().then(() => (done = true));
    assert.throws(() => executor.submit(tasks.square, 1), ClosedError);
    assert.throws(() => executor.map(tasks.square, [1]), ClosedError);
    await until(() => futures.some((future) => future.running()), 'a task');
    assert.equal(done, false);
    open();
    assert.deepEqual(
      await inTime(Promise.all(futures)),
      Array(10)
        .fill(0)
        .map((_, i) => i),
    );
    await inTime(shutdown);
    assert.deepEqual(workerPids(), []);
    await inTime(executor.shutdown());
    await inTime(executor.shutdown({ wait: false, cancelFutures: true }));
    await inTime(executor[Symbol.asyncDispose]());
  },
);

executorTest('shutdown() of an executor that never ran anything, twice, and before its workers are up', async () => {
  const unused = new ProcessPoolExecutor({ maxWorkers: 2 });
  await inTime(Promise.all([unused.shutdown(), unused.shutdown()]));
  const early = new ProcessPoolExecutor({ maxWorkers: 2 });
  const futures = [early.submit(tasks.square, 2), early.submit(tasks.square, 3)];
  await inTime(early.shutdown());
  assert.deepEqual(
    futures.map((future) => future.done()),
    [true, true],
  );
  assert.deepEqual(await Promise.all(futures), [4, 9]);
  const dropped = new ProcessPoolExecutor({ maxWorkers: 2 });
  const cancelled = [dropped.submit(tasks.square, 2), dropped.submit(tasks.square, 3)];
  await inTime(dropped.shutdown({ cancelFutures: true }));
  for (const future of cancelled) assert.ok((await errorOf(future)) instanceof CancelledError);
});

executorTest(
  'shutdown({ cancelFutures }) cancels what has not begun, prefetched or not; what runs ends well [E-12]',
  async (t) => {
    const { path, open } = gate(t);
    const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
    const futures = Array.from({ length: 30 }, (_, i) => executor.submit(tasks.hold, path, i));
    await until(() => futures.filter((future) => future.running()).length === 2, 'two tasks');
    const running = futures.filter((future) => future.running());
    const shutdown = executor.shutdown({ cancelFutures: true });
    const rest = futures.filter((future) => !running.includes(future));
    assert.ok(
      rest.every((future) => future.cancelled()),
      'at once',
    );
    for (const future of rest) assert.ok((await errorOf(future)) instanceof CancelledError);
    open();
    for (const future of running) assert.equal(typeof (await inTime(future)), 'number');
    await inTime(shutdown);
  },
);

executorTest('shutdown({ wait: false }) returns at once; a later shutdown() waits [F-17]', async (t) => {
  const { path, open } = gate(t);
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const future = executor.submit(tasks.hold, path, 'late');
  await inTime(executor.shutdown({ wait: false }));
  assert.equal(future.done(), false);
  open();
  await inTime(executor.shutdown());
  assert.equal(await future, 'late');
});

for (const how of ['terminateWorkers', 'killWorkers'] as const) {
  executorTest(`${how}() ends running tasks with BrokenProcessPoolError and cancels queued ones [E-13]`, async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
    const finished = await inTime(executor.submit(tasks.square, 5));
    const busy = [executor.submit(tasks.busy), executor.submit(tasks.busy)];
    const queued = Array.from({ length: 10 }, (_, i) => executor.submit(tasks.square, i));
    await until(() => busy.every((future) => future.running()), 'two busy tasks');
    const pids = workerPids();
    const ended = executor[how]();
    assert.throws(() => executor.submit(tasks.square, 1), ClosedError);
    for (const future of busy) assert.ok((await errorOf(future)) instanceof BrokenProcessPoolError);
    for (const future of queued) assert.ok((await errorOf(future)) instanceof CancelledError);
    await inTime(ended, how);
    assert.equal(finished, 25);
    assert.deepEqual(pids.map(isAlive), [false, false]);
    await inTime(executor.shutdown());
    await inTime(executor[how]());
  });
}

executorTest('terminateWorkers() gets rid of a worker that is stopped or ignores SIGTERM [fault 20]', async () => {
  const stopped = new ProcessPoolExecutor({ maxWorkers: 1 });
  const deaf = new ProcessPoolExecutor({ maxWorkers: 1 });
  const pid = await stopped.submit(tasks.pid);
  const ignores = deaf.submit(() => {
    process.on('SIGTERM', () => {});
    return new Promise<never>(() => {});
  });
  await until(() => ignores.running(), 'the deaf task');
  process.kill(pid, 'SIGSTOP');
  const ended = Promise.all([stopped.terminateWorkers(), deaf.terminateWorkers()]);
  assert.ok((await errorOf(ignores)) instanceof BrokenProcessPoolError);
  await inTime(ended, 'terminateWorkers()');
  assert.equal(isAlive(pid), false);
});

executorTest('a program with an idle executor ends by itself and leaves no worker [fault 28]', async () => {
  for (const name of ['idle', 'unused']) {
    const { code, output, complaints, ms } = await program('programs.mjs', [name]);
    assert.deepEqual([code, complaints], [0, '']);
    const pids = JSON.parse(output) as number[];
    await until(() => !pids.some(isAlive), 'the end of the workers');
    assert.ok(ms < 20_000, `${ms} ms`);
  }
});

executorTest(
  'pending tasks keep a program alive until they are done, also after shutdown({ wait: false }) [ExecutorShutdownTest.test_interpreter_shutdown ExecutorShutdownTest.test_hang_gh83386] [gh-83386 fault 29 E-15]',
  async () => {
    for (const name of ['pending', 'notWaiting']) {
      const { code, output, complaints } = await program('programs.mjs', [name]);
      assert.deepEqual([code, complaints], [0, '']);
      assert.deepEqual(output.trim().split('\n').sort(), ['0', '1', '2', '3', '4'], name);
    }
  },
);

executorTest(
  'submit() throws when this process is ending [ExecutorShutdownTest.test_submit_after_interpreter_shutdown F-14]',
  async () => {
    const { code, output, complaints } = await program('programs.mjs', ['tooLate']);
    assert.deepEqual([code, output, complaints], [0, '9\nInvalidStateError Cannot submit: this process is ending\n', '']);
  },
);

executorTest(
  'a program that exits or crashes in the middle of its work leaves no worker [fault 27]',
  async () => {
    const exited = await program('programs.mjs', ['exit']);
    assert.deepEqual([exited.code, exited.output], [7, 'working\n']);
    const crashed = await program('programs.mjs', ['crash']);
    assert.equal(crashed.code, 1);
    assert.match(crashed.complaints, /Error: crash/);
  },
  { graceMs: 2000 },
);

executorTest(
  'a failed future that nobody reads ends the program as an unhandled rejection does, with maxPending too',
  async () => {
    const { code, complaints } = await program('programs.mjs', ['unread']);
    assert.equal(code, 1);
    assert.match(complaints, /RangeError: unread/);
  },
);

executorTest('an executor works in a worker_thread', async () => {
  const { code, output, complaints } = await program('programs.mjs', ['thread']);
  assert.deepEqual([code, complaints, output], [0, '', '{"last":361,"captured":21}\n']);
});

executorTest('an executor dies with its worker_thread', async () => {
  const ended = await program('programs.mjs', ['threadTerminated']);
  assert.match(ended.output, /\ngone\n$/, `${ended.output} ${ended.complaints}`);
});

executorTest('await using waits for the tasks [F-18]', async (t) => {
  const file = `${scratch(t)}/disposed`;
  const { code, output, complaints } = await program('programs.mjs', ['disposed', file]);
  assert.deepEqual([code, complaints, output], [0, '', 'true done\n']);
  assert.ok(existsSync(file));
});
