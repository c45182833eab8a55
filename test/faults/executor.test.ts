import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import {
  BrokenProcessPoolError,
  ProcessDiedError,
  ProcessPoolExecutor,
  SerializationError,
  WorkerUnresponsiveError,
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
} from '../futures/executor-support.js';

const facts = ({ pid, exitCode, signal, phase }: ProcessDiedError) => ({ pid, exitCode, signal, phase });

for (const [how, kill, exitCode, signal] of [
  ['SIGKILL', () => tasks.die('SIGKILL'), -9, 'SIGKILL'],
  ['SIGSEGV', () => tasks.die('SIGSEGV'), -11, 'SIGSEGV'],
  ['process.exit(0)', () => tasks.exit(0), 0, null],
  ['process.exit(3)', () => tasks.exit(3), 3, null],
  ['SIGABRT', () => tasks.die('SIGABRT'), -6, 'SIGABRT'],
] as const) {
  executorTest(
    `'break': ${how} in a task fails every unfinished future with a BrokenProcessPoolError of its own [fault 1, 3, 4, 5 E-09]`,
    (t) => {
      const { path, open } = gate(t);
      return withExecutor({ maxWorkers: 2 }, async (executor) => {
        const finished = executor.submit(tasks.square, 7);
        await finished;
        const running = executor.submit(tasks.hold, path, 1);
        await until(() => running.running(), 'the innocent');
        const pids = workerPids();
        const culprit = executor.submit(kill);
        const queued = Array.from({ length: 10 }, (_, i) => executor.submit(tasks.square, i));
        const errors = await Promise.all([running, culprit, ...queued].map((future) => errorOf(future)));
        assert.equal(new Set(errors).size, 12, 'each its own');
        const death = errors[0]?.cause as ProcessDiedError;
        for (const error of errors) {
          assert.ok(error instanceof BrokenProcessPoolError, String(error));
          assert.equal(error.cause, death);
        }
        assert.ok(death instanceof ProcessDiedError);
        assert.deepEqual(facts(death), { pid: death.pid, exitCode, signal, phase: 'running' });
        assert.ok(typeof death.pid === 'number' && typeof death.taskId === 'number');
        assert.equal(await finished, 49, 'finished ones keep their results');
        assert.throws(
          () => executor.submit(tasks.square, 1),
          (error) => error instanceof BrokenProcessPoolError && error.cause === death,
        );
        assert.throws(() => executor.map(tasks.square, [1]), BrokenProcessPoolError);
        await until(() => !pids.some(isAlive) && workerPids().length === 0, 'the end of all workers');
        open();
      });
    },
  );

  executorTest(`'replace': ${how} in a task fails that task only; the others run exactly once [fault 2, 3, 4]`, (t) => {
    const { path, open } = gate(t);
    const file = `${scratch(t)}/notes`;
    return withExecutor({ maxWorkers: 2, onWorkerDeath: 'replace' }, async (executor) => {
      const beside = executor.submit(tasks.hold, path, 'beside');
      await until(() => beside.running(), 'the innocent beside');
      const culprit = executor.submit(kill);
      const behind = Array.from({ length: 30 }, (_, i) => executor.submit(tasks.note, file, String(i)));
      const error = await errorOf(culprit);
      assert.ok(error instanceof ProcessDiedError, String(error));
      assert.deepEqual(facts(error as ProcessDiedError), {
        pid: (error as ProcessDiedError).pid,
        exitCode,
        signal,
        phase: 'running',
      });
      assert.deepEqual(
        await inTime(Promise.all(behind)),
        behind.map((_, i) => String(i)),
      );
      assert.equal(notes(file).length, 30);
      open();
      assert.equal(await inTime(beside), 'beside');
    });
  });
}

executorTest('a worker that is killed from outside while tasks are prefetched loses only the one it runs [fault 1]', (t) => {
  const { path, open } = gate(t);
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    await inTime(Promise.all(Array.from({ length: 500 }, (_, i) => executor.submit(tasks.square, i))));
    for (let round = 0; round < 5; round++) {
      const held = executor.submit(tasks.hold, path, 1);
      const behind = Array.from({ length: 50 }, (_, i) => executor.submit(tasks.note, file, `${round}-${i}`));
      await until(() => held.running(), 'the running task');
      process.kill(workerPids()[0] as number, 'SIGKILL');
      assert.ok((await errorOf(held)) instanceof ProcessDiedError);
      await inTime(Promise.all(behind));
    }
    const ran = notes(file).map((line) => line.split(' ')[0]);
    assert.equal(ran.length, 250);
    assert.equal(new Set(ran).size, 250);
    open();
  });
});

executorTest("'replace': an idle worker that dies is replaced; 'break': it breaks the executor [fault 6, 7]", async () => {
  await withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    for (let i = 0; i < 4; i++) {
      const pid = await inTime(executor.submit(tasks.pid));
      process.kill(pid, 'SIGKILL');
      await until(() => !isAlive(pid), 'its end');
    }
    assert.equal(await inTime(executor.submit(tasks.square, 3)), 9);
  });
  await withExecutor({ maxWorkers: 1 }, async (executor) => {
    const pid = await executor.submit(tasks.pid);
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 'its end');
    let error: unknown;
    try {
      error = await executor.submit(tasks.square, 3).exception();
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error instanceof BrokenProcessPoolError, String(error));
    assert.equal((error.cause as ProcessDiedError).phase, 'idle');
  });
});

executorTest(
  "'replace': the fifth death within 10 s that belongs to no task breaks the executor, with the first as cause [fault 41]",
  () =>
    withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
      let first: number | undefined;
      for (let i = 0; i < 5; i++) {
        const pid = await inTime(executor.submit(tasks.pid));
        first ??= pid;
        process.kill(pid, 'SIGKILL');
        await until(() => !isAlive(pid), 'its end');
        await turn();
      }
      await until(() => {
        try {
          executor.submit(tasks.square, 1).then(undefined, () => {});
          return false;
        } catch (error) {
          assert.ok(error instanceof BrokenProcessPoolError);
          assert.equal((error.cause as ProcessDiedError).pid, first);
          return true;
        }
      }, 'a broken executor');
    }),
);

executorTest("'replace': an initializer that kills its worker costs five workers, not a storm [fault 8, 41]", (t) => {
  const file = `${scratch(t)}/notes`;
  const initializer = async (path: string) => {
    (await import('node:fs')).appendFileSync(path, `${process.pid}\n`);
    process.exit(4);
  };
  return withExecutor({ maxWorkers: 2, onWorkerDeath: 'replace', initializer, initArgs: [file] }, async (executor) => {
    const futures = Array.from({ length: 10 }, (_, i) => executor.submit(tasks.square, i));
    for (const future of futures) {
      const error = await errorOf(future);
      assert.ok(error instanceof BrokenProcessPoolError);
      const death = error.cause as ProcessDiedError;
      assert.deepEqual([death.exitCode, death.phase], [4, 'initializing']);
      assert.ok(
        notes(file).slice(0, 2).includes(String(death.pid)),
        'the cause is the first death, that of one of the first two',
      );
    }
    assert.ok(notes(file).length <= 6, `${notes(file).length} workers`);
  });
});

executorTest('deaths in tasks do not count: a hundred of them break nothing [fault 7]', () =>
  withExecutor({ maxWorkers: 2, onWorkerDeath: 'replace' }, async (executor) => {
    const futures = Array.from({ length: 24 }, (_, i) =>
      i % 2 === 0 ? executor.submit(tasks.die, 'SIGKILL') : executor.submit(tasks.square, i),
    );
    const errors = await inTime(Promise.all(futures.map((future) => future.exception())));
    assert.ok(errors.every((error, i) => (i % 2 === 0 ? error instanceof ProcessDiedError : error === null)));
  }),
);

executorTest('a worker that dies after its task is done takes no result with it [fault 22, 83]', () =>
  withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    for (const size of [10, 5_000_000]) {
      const future = executor.submit((bytes: number) => {
        setImmediate(() => process.exit(0));
        return Buffer.alloc(bytes, 3);
      }, size);
      const result = await inTime(future);
      assert.equal(result.length, size);
      assert.ok(result.every((byte) => byte === 3));
    }
    assert.equal(await inTime(executor.submit(tasks.square, 3)), 9);
  }),
);

executorTest('tasks that kill one another settle, for 1, 2 and 4 workers [loky]', async () => {
  for (const maxWorkers of [1, 2, 4]) {
    await withExecutor({ maxWorkers, onWorkerDeath: 'replace' }, async (executor) => {
      const pids = await inTime(
        Promise.all(
          Array.from({ length: maxWorkers }, () => executor.submit(tasks.later, 0, 30).then(() => executor.submit(tasks.pid))),
        ),
      );
      const futures = [...pids, ...pids].map((pid) =>
        executor.submit((victim: number) => {
          process.kill(victim, 'SIGKILL');
          return victim;
        }, pid),
      );
      await inTime(Promise.all(futures.map((future) => future.exception())));
    });
  }
});

executorTest('a done callback may submit to a new executor when the old one broke [loky]', async () => {
  const broken = new ProcessPoolExecutor({ maxWorkers: 1 });
  const second = await inTime(
    new Promise<number>((resolve, reject) => {
      broken.submit(tasks.die, 'SIGKILL').addDoneCallback(() => {
        const fresh = new ProcessPoolExecutor({ maxWorkers: 1 });
        fresh.submit(tasks.square, 4).then((value) => fresh.shutdown().then(() => resolve(value)), reject);
      });
    }),
  );
  assert.equal(second, 16);
  await inTime(broken.shutdown());
});

executorTest('shutdown() of a broken executor, and of one that breaks meanwhile, resolves', async (t) => {
  const { path, open } = gate(t);
  const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
  const held = executor.submit(tasks.hold, path, 1);
  await until(() => held.running(), 'a task');
  const shutdown = executor.shutdown();
  process.kill(workerPids()[0] as number, 'SIGKILL');
  assert.ok((await errorOf(held)) instanceof BrokenProcessPoolError);
  await inTime(shutdown);
  await inTime(executor.shutdown());
  open();
});

executorTest("'replace': a death while shutdown() waits costs its task; the rest is still done", async (t) => {
  const { path, open } = gate(t);
  const executor = new ProcessPoolExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' });
  const held = executor.submit(tasks.hold, path, 1);
  const queued = Array.from({ length: 5 }, (_, i) => executor.submit(tasks.square, i));
  await until(() => held.running(), 'a task');
  const shutdown = executor.shutdown();
  process.kill(workerPids()[0] as number, 'SIGKILL');
  assert.ok((await errorOf(held)) instanceof ProcessDiedError);
  assert.deepEqual(await inTime(Promise.all(queued)), [0, 1, 4, 9, 16]);
  await inTime(shutdown);
  open();
});

executorTest(
  'a map whose worker dies: the item fails, the others are done once (replace); all that is left fails (break)',
  async (t) => {
    const file = `${scratch(t)}/notes`;
    await withExecutor({ maxWorkers: 2, onWorkerDeath: 'replace' }, async (executor) => {
      const run = async (path: string, item: number) => {
        (await import('node:fs')).appendFileSync(path, `${item}\n`);
        if (item === 5) process.kill(process.pid, 'SIGKILL');
        return item;
      };
      const results = executor.map(run, Array(20).fill(file), Array(20).keys());
      const seen: unknown[] = [];
      for (let i = 0; i < 20; i++)
        seen.push(
          await inTime(results.next()).then(
            ({ value }) => value as number,
            (error: unknown) => error instanceof ProcessDiedError,
          ),
        );
      assert.deepEqual(
        seen,
        Array.from({ length: 20 }, (_, i) => (i === 5 ? true : i)),
      );
      assert.equal(notes(file).length, 20);
    });
    await withExecutor({ maxWorkers: 2 }, async (executor) => {
      const results = executor.map((item: number) => (item === 5 ? tasks.die('SIGKILL') : item), Array(100).keys());
      let error: unknown;
      let count = 0;
      while (error === undefined && count <= 100) {
        await inTime(results.next()).then(
          () => count++,
          (each: unknown) => (error = each),
        );
      }
      assert.ok(error instanceof BrokenProcessPoolError, String(error));
      await inTime(results.return?.() as Promise<unknown>);
    });
  },
);

executorTest('a heap that runs out costs the task, with a hint [fault 18]', async () => {
  const flags = ['--max-old-space-size=40'];
  for (const onWorkerDeath of ['break', 'replace']) {
    const { code, output, complaints } = await program('programs.mjs', ['outOfMemory', onWorkerDeath], {
      NODE_OPTIONS: flags.join(' '),
    });
    assert.equal(code, 0, complaints);
    const [facts, after] = output.trim().split('\n');
    assert.deepEqual(JSON.parse(facts as string), {
      name: onWorkerDeath === 'break' ? 'BrokenProcessPoolError' : 'ProcessDiedError',
      death: 'ProcessDiedError',
      phase: 'running',
      hint: 'possibly out of JavaScript heap: see maxOldSpaceMb',
    });
    if (onWorkerDeath === 'replace') assert.equal(after, '9');
  }
});

executorTest(
  'file descriptors that run out fail the task with the reason; when there are some again, a new executor works [fault 38]',
  async () => {
    const { code, output, complaints } = await program('exhausted.mjs');
    assert.equal(code, 0, complaints);
    assert.match(output, /^EMFILE .*\n16\n$/, output + complaints);
  },
);

executorTest('a bad function does not reach a worker: no death, no retry [fault 46]', () =>
  withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    const secret = new WeakRef({});
    const error = await errorOf(executor.options({ retries: 3 }).submit(() => secret));
    assert.ok(error instanceof SerializationError);
    assert.deepEqual(workerPids(), []);
  }),
);

executorTest('a worker that does not start within 30 s is killed and replaced', async (t) => {
  await withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    process.env['MULTIPROC_FAULT'] = 'boot.beforeReady:stop';
    const future = executor.submit(tasks.square, 4);
    delete process.env['MULTIPROC_FAULT'];
    t.mock.timers.tick(30_000);
    t.mock.timers.reset();
    assert.equal(await inTime(future), 16);
  });
  const broken = new ProcessPoolExecutor({ maxWorkers: 1 });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  process.env['MULTIPROC_FAULT'] = 'spawn.afterExec:stop';
  const future = broken.submit(tasks.square, 4);
  delete process.env['MULTIPROC_FAULT'];
  t.mock.timers.tick(30_000);
  t.mock.timers.reset();
  const error = await errorOf(future);
  assert.ok(error instanceof BrokenProcessPoolError);
  assert.ok(error.cause instanceof WorkerUnresponsiveError, String(error.cause));
  await inTime(broken.shutdown());
});

executorTest('shutdown() gets rid of an idle worker that is stopped [fault 20]', async () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  const pid = await executor.submit(tasks.pid);
  process.kill(pid, 'SIGSTOP');
  await inTime(executor.shutdown());
  assert.equal(isAlive(pid), false);
});
