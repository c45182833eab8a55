import assert from 'node:assert/strict';
import {
  BrokenProcessPoolError,
  ClosedError,
  ProcessDiedError,
  ProcessPoolExecutor,
  ThreadPoolExecutor,
  WorkerUnresponsiveError,
} from 'multiproc';
import { errorOf, executorTest, gate, inTime, isAlive, notes, scratch, tasks, until, withExecutor } from './executor-support.js';

executorTest('stats() counts tasks and workers, and knows how long tasks waited and ran', (t) =>
  withExecutor({ maxWorkers: 2, onWorkerDeath: 'replace' }, async (executor) => {
    const nothing = executor.stats();
    assert.deepEqual([nothing.workers, nothing.pending, nothing.completed, nothing.utilization], [0, 0, 0, 0]);
    assert.deepEqual(nothing.runTime, { count: 0, mean: 0, p50: 0, p99: 0, max: 0 });
    const { path, open } = gate(t);
    const held = [1, 2, 3, 4, 5].map((value) => executor.submit(tasks.block<number>, path, value));
    await until(() => executor.stats().running === 2, 'two to run');
    const busy = executor.stats();
    assert.deepEqual([busy.workers, busy.busy, busy.idle, busy.pending, busy.running], [2, 2, 0, 3, 2]);
    open();
    await inTime(Promise.all(held));
    await errorOf(executor.submit(tasks.fail, 'mine'));
    await errorOf(executor.submit(tasks.die, 'SIGKILL'));
    await inTime(executor.submit(tasks.spin, 30));
    const after = executor.stats();
    assert.deepEqual([after.completed, after.failed, after.pending, after.running], [6, 2, 0, 0]);
    assert.ok(after.restarts <= 1 && after.utilization > 0 && after.utilization <= 1, JSON.stringify(after));
    const { runTime, waitTime } = after;
    assert.deepEqual([runTime.count, waitTime.count], [7, 7], 'the dead one has no end');
    assert.ok(runTime.max >= 29 && runTime.p99 >= runTime.p50 && runTime.mean > 0, JSON.stringify(runTime));
    assert.ok(waitTime.max > 0 && waitTime.p50 > 0, JSON.stringify(waitTime));
  }),
);

executorTest('stats(): cancelled tasks count nowhere, workers that were replaced do; of threads the same', async (t) => {
  const executor = new ThreadPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1 });
  const { path, open } = gate(t);
  const first = executor.submit(tasks.block<number>, path, 1);
  const second = executor.submit(tasks.square, 2);
  assert.equal(second.cancel(), true);
  open();
  await inTime(first);
  assert.equal(await inTime(executor.submit(tasks.square, 3)), 9);
  const { completed, failed, restarts } = executor.stats();
  assert.deepEqual([completed, failed, restarts], [2, 0, 1]);
  await inTime(executor.shutdown());
  assert.equal(executor.stats().workers, 0);
});

for (const Executor of [ProcessPoolExecutor, ThreadPoolExecutor]) {
  executorTest(`${Executor.name}.broadcast() calls once in each of maxWorkers workers, starting them`, async (t) => {
    const executor = new Executor({ maxWorkers: 3, initializer: tasks.initialize, initArgs: ['x'] });
    const file = `${scratch(t)}/notes`;
    assert.deepEqual(await inTime(executor.broadcast(tasks.note, file, 'here')), ['here', 'here', 'here']);
    assert.equal(notes(file).length, 3);
    const seen = await inTime(executor.broadcast(tasks.initialized));
    assert.deepEqual(
      seen.map(({ given, calls }) => [given, calls]),
      [1, 2, 3].map(() => [['x'], 1]),
    );
    if (Executor === ProcessPoolExecutor) assert.equal(new Set(seen.map(({ pid }) => pid)).size, 3);
    await inTime(executor.shutdown());
    assert.throws(() => executor.broadcast(tasks.pid), ClosedError);
  });
}

executorTest('broadcast() waits for what runs, is not stolen by idle workers, and runs between other tasks', (t) =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const { path, open } = gate(t);
    await inTime(executor.broadcast(tasks.pid));
    const held = executor.submit(tasks.block<number>, path, 1);
    await until(() => held.running(), 'the task to run');
    const pids = executor.broadcast(tasks.pid);
    const others = [1, 2, 3].map((x) => executor.submit(tasks.square, x));
    assert.deepEqual(await inTime(Promise.all(others)), [1, 4, 9]);
    open();
    assert.equal(new Set(await inTime(pids)).size, 2);
    await inTime(held);
  }),
);

executorTest('broadcast() rejects with the first error; a death in it is its own; replaced workers get it too', () =>
  withExecutor({ maxWorkers: 2, onWorkerDeath: 'replace', maxTasksPerChild: 1 }, async (executor) => {
    assert.equal((await errorOf(executor.broadcast(tasks.fail, 'mine'))).message, 'mine');
    assert.ok((await errorOf(executor.broadcast(tasks.die, 'SIGKILL'))) instanceof ProcessDiedError);
    for (let round = 0; round < 3; round++) assert.equal(new Set(await inTime(executor.broadcast(tasks.pid))).size, 2);
    assert.equal((await errorOf(executor.broadcast(tasks.identity, Symbol('no value')))).name, 'SerializationError');
    assert.throws(() => executor.broadcast(1 as never), TypeError);
  }),
);

executorTest(
  'heartbeat: a stopped worker is killed and its task fails with WorkerUnresponsiveError; a busy one is alive [fault 20]',
  () =>
    withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace', heartbeat: 1500 }, async (executor) => {
      assert.equal(await inTime(executor.submit(tasks.spin, 3500)), 3500, 'it is alive as long as it runs');
      const pid = await inTime(executor.submit(tasks.pid));
      const error = await errorOf(executor.submit(tasks.die, 'SIGSTOP'));
      assert.ok(error instanceof WorkerUnresponsiveError, String(error));
      assert.match(error.message, /no sign of life for 1500 ms/);
      await until(() => !isAlive(pid), 'the end of the worker');
      assert.notEqual(await inTime(executor.submit(tasks.pid)), pid);
    }),
);

executorTest("heartbeat with 'break': the executor is broken, with WorkerUnresponsiveError as cause [fault 20]", async () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 2, heartbeat: 400 });
  const error = await errorOf(executor.submit(tasks.die, 'SIGSTOP'));
  assert.ok(error instanceof BrokenProcessPoolError && error.cause instanceof WorkerUnresponsiveError, String(error));
  await inTime(executor.shutdown());
  assert.throws(() => new ProcessPoolExecutor({ heartbeat: 0 }), RangeError);
});
