import assert from 'node:assert/strict';
import { ProcessPoolExecutor } from 'multiproc';
import { executorTest, gate, inTime, tasks, until, withExecutor, workerPids } from './executor-support.js';

/** Makes the worker larger for good. */
const grow = (megabytes: number): number => {
  const kept = globalThis as { kept?: Uint8Array[] };
  (kept.kept ??= []).push(new Uint8Array(megabytes * 2 ** 20).fill(1));
  return process.pid;
};

executorTest('idleTimeout ends workers that have nothing to do; the next task starts another one', (t) =>
  withExecutor({ maxWorkers: 2, idleTimeout: 50 }, async (executor) => {
    const { path, open } = gate(t);
    const busy = executor.submit(tasks.block, path, 'busy');
    await until(() => busy.running(), 'its begin');
    const [first] = await inTime(Promise.all([executor.submit(tasks.pid), executor.submit(tasks.pid)]));
    await until(() => workerPids().length === 1, 'the end of the idle one');
    assert.ok(!workerPids().includes(first), 'the busy one stays');
    open();
    assert.equal(await inTime(busy), 'busy');
    await until(() => workerPids().length === 0, 'the end of the other one');
    assert.equal(await inTime(executor.submit(tasks.square, 4)), 16);
  }),
);

executorTest('memoryLimitMb replaces a worker after the task that made it larger; what waited in it runs elsewhere', () =>
  withExecutor({ maxWorkers: 1, memoryLimitMb: 200, onWorkerDeath: 'break' }, async (executor) => {
    const small = await inTime(executor.submit(grow, 1));
    assert.equal(await inTime(executor.submit(grow, 1)), small, 'below the limit it stays');
    const large = executor.submit(grow, 250);
    const behind = Array.from({ length: 50 }, () => executor.submit(tasks.pid));
    assert.equal(await inTime(large), small);
    const pids = new Set(await inTime(Promise.all(behind)));
    assert.deepEqual([pids.size, pids.has(small)], [1, false]);
    const values = [];
    for await (const value of executor.map((n: number) => [grow(200), n][1] as number, [1, 2, 3, 4, 5, 6, 7])) values.push(value);
    assert.deepEqual(values, [1, 2, 3, 4, 5, 6, 7], 'however often');
  }),
);

executorTest('idleTimeout and memoryLimitMb are checked', async () => {
  for (const idleTimeout of [-1, Number.NaN]) assert.throws(() => new ProcessPoolExecutor({ idleTimeout }), RangeError);
  assert.throws(() => new ProcessPoolExecutor({ idleTimeout: '1' as unknown as number }), TypeError);
  for (const memoryLimitMb of [0, -1, 1.5]) assert.throws(() => new ProcessPoolExecutor({ memoryLimitMb }), RangeError);
});
