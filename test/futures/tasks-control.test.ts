import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { CancelledError, ProcessDiedError, TimeoutError } from 'multiproc';
import {
  errorOf,
  executorTest,
  gate,
  inTime,
  isAlive,
  notes,
  scratch,
  tasks,
  until,
  withExecutor,
  workerPids,
} from './executor-support.js';

executorTest('a queued task can be cancelled until a worker has begun it; running() is exact [F-01 E-04]', (t) => {
  const { path, open } = gate(t);
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    const running = executor.submit(tasks.block, path, 'done');
    const queued = Array.from({ length: 10 }, (_, i) => executor.submit(tasks.note, file, String(i)));
    await until(() => running.running(), 'the first task');
    assert.deepEqual(
      queued.map((future) => future.running()),
      queued.map(() => false),
    );
    assert.equal(running.cancel(), false);
    for (const index of [0, 1, 5, 9]) {
      const future = queued[index] as (typeof queued)[0];
      let told = false;
      future.addDoneCallback((each) => (told = each.cancelled()));
      assert.equal(future.cancel(), true, `the task at ${index}, prefetched or not`);
      assert.deepEqual([future.cancelled(), future.done(), future.running(), told], [true, true, false, true]);
      assert.ok((await errorOf(future)) instanceof CancelledError);
    }
    open();
    assert.equal(await inTime(running), 'done');
    assert.deepEqual(await inTime(Promise.all(queued.filter((future) => !future.cancelled()))), ['2', '3', '4', '6', '7', '8']);
    assert.deepEqual(
      notes(file).map((line) => line[0]),
      ['2', '3', '4', '6', '7', '8'],
      'a cancelled task never runs',
    );
    assert.deepEqual([running.running(), running.cancel(), running.cancelled()], [false, false, false]);
  });
});

executorTest('a task can be cancelled while its worker is still starting', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const futures = Array.from({ length: 4 }, (_, i) => executor.submit(tasks.square, i));
    assert.deepEqual(
      futures.map((future, i) => i < 3 && future.cancel()),
      [true, true, true, false],
    );
    assert.equal(await inTime(futures[3] as PromiseLike<number>), 9);
  }),
);

executorTest('thousands of tasks submitted and cancelled behind a running one disturb it in nothing', (t) => {
  const { path, open } = gate(t);
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    for (let i = 0; i < 200; i++) await executor.submit(tasks.square, i); // quick ones, so that many are prefetched
    const pid = await executor.submit(tasks.pid);
    const running = executor.submit(tasks.block, path, 'kept');
    await until(() => running.running(), 'the long task');
    for (let round = 0; round < 50; round++) {
      const futures = Array.from({ length: 100 }, (_, i) => executor.submit(tasks.square, i));
      await turn();
      for (const future of futures) assert.equal(future.cancel(), true);
    }
    const last = executor.submit(tasks.pid);
    open();
    assert.equal(await inTime(running), 'kept');
    assert.equal(await inTime(last), pid, 'the worker stays');
  });
});

executorTest('cancel() races with the beginning of the task: it is cancelled or it runs, never both', (t) => {
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 2 }, async (executor) => {
    await executor.submit(tasks.square, 1);
    let cancelled = 0;
    for (let i = 0; i < 200; i++) {
      const future = executor.submit(tasks.note, file, String(i));
      for (let spin = 0; spin < (i % 40) * 100; spin++) Math.sqrt(spin);
      if (i % 3 === 0) await turn();
      if (future.cancel()) cancelled++;
      else assert.equal(await inTime(future), String(i));
    }
    await executor.submit(tasks.square, 1);
    assert.equal(notes(file).length, 200 - cancelled);
  });
});

executorTest(
  'options({ taskTimeout }) ends a task that runs longer with its worker; what waited behind it runs elsewhere once [fault 19]',
  (t) => {
    const file = `${scratch(t)}/notes`;
    return withExecutor({ maxWorkers: 1 }, async (executor) => {
      const pid = await executor.submit(tasks.pid);
      const busy = executor.options({ taskTimeout: 200 }).submit(tasks.busy);
      const innocents = Array.from({ length: 20 }, (_, i) => executor.submit(tasks.note, file, String(i)));
      const error = await errorOf(busy);
      assert.ok(error instanceof TimeoutError, String(error));
      assert.match(error.message, /200 ms/);
      assert.deepEqual(
        await inTime(Promise.all(innocents)),
        innocents.map((_, i) => String(i)),
      );
      assert.equal(notes(file).length, 20);
      assert.equal(isAlive(pid), false);
    });
  },
);

executorTest('taskTimeout counts from the start of the task, not from submit, and again after a retry', (t) => {
  const { path, open } = gate(t);
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    const blocker = executor.submit(tasks.block, path, 1);
    const limited = executor.options({ taskTimeout: 2000 }).submit(tasks.spin, 10);
    await until(() => blocker.running(), 'the blocker');
    await new Promise((resolve) => setTimeout(resolve, 2100));
    assert.equal(limited.done(), false);
    open();
    assert.equal(await inTime(limited), 10);
    // The first run dies after 1700 ms, the second takes as long: together more than the limit, each less.
    const dieOnce = async (notesFile: string) => {
      const { appendFileSync, readFileSync } = await import('node:fs');
      appendFileSync(notesFile, 'run\n');
      const runs = readFileSync(notesFile, 'utf8').split('\n').length - 1;
      await new Promise((resolve) => setTimeout(resolve, 1700));
      if (runs === 1) process.kill(process.pid, 'SIGKILL');
      return runs;
    };
    assert.equal(await inTime(executor.options({ taskTimeout: 3200, retries: 1 }).submit(dieOnce, file)), 2);
    for (const taskTimeout of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])
      assert.equal(await inTime(executor.options({ taskTimeout }).submit(tasks.spin, 30)), 30);
  });
});

executorTest('taskTimeout ends a task whose worker is stopped [fault 20]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const stopped = executor.options({ taskTimeout: 300 }).submit(tasks.die, 'SIGSTOP');
    const innocent = executor.submit(tasks.square, 5);
    // A task that is stopped and continued goes on: only the time limit may end it.
    assert.ok((await errorOf(stopped)) instanceof TimeoutError);
    assert.equal(await inTime(innocent), 25);
  }),
);

executorTest('an idle worker that is stopped keeps no task from the others [fault 20]', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    await inTime(Promise.all([executor.submit(tasks.later, 1, 50), executor.submit(tasks.later, 2, 50)]));
    const [first] = workerPids();
    assert.ok(first !== undefined);
    process.kill(first, 'SIGSTOP');
    const squares = await inTime(
      Promise.all(Array.from({ length: 20 }, (_, i) => executor.submit(tasks.square, i))),
      '20 tasks beside a stopped worker',
    );
    assert.equal(squares[19], 361);
    process.kill(first, 'SIGCONT');
  }),
);

executorTest('an abort cancels queued and running tasks: CancelledError with the reason as cause, cancelled() is true', (t) => {
  const { path, open } = gate(t);
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    const pid = await executor.submit(tasks.pid);
    const controller = new AbortController();
    const limited = executor.options({ signal: controller.signal });
    const running = limited.submit(tasks.busy);
    const queued = limited.submit(tasks.square, 1);
    const innocent = executor.submit(tasks.square, 3);
    await until(() => running.running(), 'the busy task');
    const reason = new Error('changed my mind');
    controller.abort(reason);
    for (const future of [running, queued]) {
      const error = await errorOf(future);
      assert.ok(error instanceof CancelledError);
      assert.equal(error.cause, reason);
      assert.equal(future.cancelled(), true);
    }
    assert.equal(await inTime(innocent), 9, 'what waited behind the killed task runs elsewhere');
    assert.equal(isAlive(pid), false);
    const late = limited.submit(tasks.square, 1);
    assert.equal(late.cancelled(), true, 'aborted before submit');
    assert.ok((await errorOf(late)) instanceof CancelledError);
    open();
    void path;
  });
});

executorTest('an abort just as its task ends kills nobody else: every other task is done once', (t) => {
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    await executor.submit(tasks.square, 1);
    let cancelled = 0;
    const others = [];
    for (let i = 0; i < 40; i++) {
      const controller = new AbortController();
      const future = executor.options({ signal: controller.signal }).submit(tasks.spin, i % 3);
      others.push(executor.submit(tasks.note, file, String(i)), executor.submit(tasks.note, file, String(i)));
      await turn();
      const until = performance.now() + (i % 4);
      while (performance.now() < until);
      controller.abort();
      await future.result().catch((error: unknown) => {
        assert.ok(error instanceof CancelledError, String(error));
        cancelled++;
      });
      await others.at(-1);
    }
    await inTime(Promise.all(others), 'the innocents');
    assert.equal(notes(file).length, 80);
    assert.ok(cancelled > 0);
  });
});

executorTest('an abort from a done callback of another task is obeyed', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController();
      const quick = executor.submit(tasks.square, i);
      const busy = executor.options({ signal: controller.signal }).submit(tasks.busy);
      quick.addDoneCallback(() => controller.abort());
      assert.equal(await inTime(quick), i * i);
      assert.ok((await errorOf(busy)) instanceof CancelledError);
    }
  }),
);

executorTest('a signal that many tasks share is no leak of listeners', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on('warning', listen);
    const { signal } = new AbortController();
    await inTime(Promise.all(Array.from({ length: 100 }, (_, i) => executor.options({ signal }).submit(tasks.square, i))));
    await turn();
    process.off('warning', listen);
    assert.deepEqual(warnings, []);
  }),
);

executorTest('options({ priority }): higher first, equal ones in the order of submit', (t) => {
  const { path, open } = gate(t);
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    const blocker = executor.submit(tasks.block, path, 1);
    const behind = executor.submit(tasks.note, file, 'prefetched');
    await until(() => blocker.running(), 'the blocker');
    const futures = [0, 5, -3, 5, 0.5, 100].map((priority, i) =>
      executor.options({ priority }).submit(tasks.note, file, `${priority}#${i}`),
    );
    open();
    await inTime(Promise.all([behind, ...futures]));
    const order = notes(file)
      .map((line) => line.split(' ')[0])
      .filter((each) => each !== 'prefetched');
    assert.deepEqual(order, ['100#5', '5#1', '5#3', '0.5#4', '0#0', '-3#2']);
  });
});

executorTest("options({ retries }) runs a task again after its worker's death, never after its own error", (t) => {
  const folder = scratch(t);
  return withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    const dieTwice = async (file: string) => {
      const { appendFileSync, readFileSync } = await import('node:fs');
      appendFileSync(file, 'run\n');
      if (readFileSync(file, 'utf8').split('\n').length - 1 <= 2) process.kill(process.pid, 'SIGKILL');
      return 'third';
    };
    assert.equal(await inTime(executor.options({ retries: 2 }).submit(dieTwice, `${folder}/two`)), 'third');
    const error = await errorOf(executor.options({ retries: 1 }).submit(dieTwice, `${folder}/one`));
    assert.ok(error instanceof ProcessDiedError);
    assert.equal(notes(`${folder}/one`).length, 2);
    const own = async (file: string) => {
      (await import('node:fs')).appendFileSync(file, 'run\n');
      throw new TypeError('mine');
    };
    assert.ok((await errorOf(executor.options({ retries: 5 }).submit(own, `${folder}/own`))) instanceof TypeError);
    assert.equal(notes(`${folder}/own`).length, 1);
  });
});

executorTest('options() checks what it is given', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const options = executor.options.bind(executor) as (options: unknown) => unknown;
    for (const taskTimeout of [-1, Number.NaN]) assert.throws(() => options({ taskTimeout }), RangeError);
    for (const retries of [-1, 0.5, Number.POSITIVE_INFINITY]) assert.throws(() => options({ retries }), RangeError);
    for (const priority of [Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => options({ priority }), RangeError);
    for (const name of ['taskTimeout', 'retries', 'priority']) assert.throws(() => options({ [name]: '5' }), TypeError);
    assert.throws(() => options({ signal: { aborted: false } }), TypeError);
    for (const given of [5, 'priority', null]) assert.throws(() => options(given), TypeError);
  }),
);

for (const quickFirst of [false, true]) {
  executorTest(
    `short tasks do not wait behind a long one while another worker is idle (${quickFirst ? 'workers known as quick' : 'fresh workers'})`,
    (t) => {
      const { path, open } = gate(t);
      return withExecutor({ maxWorkers: 2 }, async (executor) => {
        await inTime(Promise.all([executor.submit(tasks.later, 1, 30), executor.submit(tasks.later, 2, 30)]));
        if (quickFirst) await inTime(Promise.all(Array.from({ length: 3000 }, (_, i) => executor.submit(tasks.square, i))));
        for (let round = 0; round < 5; round++) {
          const shorts = Array.from({ length: 50 }, (_, i) => executor.submit(tasks.square, i));
          const long = executor.submit(tasks.block, `${path}${round}`, 'long');
          shorts.push(...Array.from({ length: 300 }, (_, i) => executor.submit(tasks.square, i)));
          await inTime(Promise.all(shorts), 'the short tasks');
          assert.equal(long.done(), false, 'the long task is still running');
          (await import('node:fs')).writeFileSync(`${path}${round}`, '');
          assert.equal(await inTime(long), 'long');
        }
        open();
      });
    },
  );
}

executorTest('short tasks do not wait behind a long one while a stream of others goes on', (t) => {
  const { path, open } = gate(t);
  return withExecutor({ maxWorkers: 2 }, async (executor) => {
    await inTime(Promise.all(Array.from({ length: 3000 }, (_, i) => executor.submit(tasks.square, i))));
    let going = true;
    const pending = new Set<PromiseLike<unknown>>();
    const stream = (async () => {
      while (going) {
        while (pending.size < 2000) {
          const future = executor.submit(tasks.spin, 0);
          pending.add(future);
          future.addDoneCallback(() => pending.delete(future));
        }
        await turn();
      }
      await Promise.all(pending);
    })();
    const before = Array.from({ length: 20 }, () => executor.submit(tasks.square, 2));
    const long = executor.submit(tasks.block, path, 'long');
    const behind = Array.from({ length: 100 }, () => executor.submit(tasks.square, 3));
    await inTime(Promise.all([...before, ...behind]), 'tasks around the long one');
    assert.equal(long.done(), false);
    going = false;
    open();
    await inTime(Promise.all([stream, long]));
  });
});

executorTest('a task with large arguments does not wait behind a long one either', (t) => {
  const { path, open } = gate(t);
  return withExecutor({ maxWorkers: 2 }, async (executor) => {
    await inTime(Promise.all([executor.submit(tasks.later, 1, 30), executor.submit(tasks.later, 2, 30)]));
    const long = executor.submit(tasks.block, path, 'long');
    const large = Array.from({ length: 4 }, () => executor.submit(tasks.lengthOf, Buffer.alloc(2_000_000)));
    assert.deepEqual(
      await inTime(Promise.all(large)),
      large.map(() => 2_000_000),
    );
    assert.equal(long.done(), false);
    open();
    await inTime(long);
  });
});
