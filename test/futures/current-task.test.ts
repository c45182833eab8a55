import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CancelledError, carry, currentTask, type Future, Pool, ThreadPoolExecutor, TimeoutError } from 'multiproc';
import { errorOf, executorTest, FIXTURES, inTime, scratch, tasks, until, withExecutor } from './executor-support.js';

interface ContextTasks {
  request: AsyncLocalStorage<unknown>;
  local: AsyncLocalStorage<unknown>;
  stores(): unknown[];
  storesLater(): Promise<unknown[]>;
  storesOf(item: number): unknown[];
  self(): { id: number; attempt: number; traceparent: string | undefined; aborted: boolean } | null;
  outside(): Promise<number>;
  whatOutside(): Promise<unknown[]>;
  report(values: unknown[]): Promise<number>;
  reportAtOnce(values: unknown[]): number;
  dieUntil(attempt: number): [number, number];
  listen(gate?: string): Promise<void>;
  lastReason(): [string, string, number];
  ignore(gate: string): Promise<never>;
}
const context = (await import(new URL('context.mjs', FIXTURES).href)) as ContextTasks;
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** What the future reports until it is done. */
async function reportsOf(future: Future<unknown>): Promise<unknown[]> {
  const reports: unknown[] = [];
  future.addProgressCallback((value) => reports.push(value));
  await inTime(future);
  return reports;
}

executorTest('currentTask() tells a task its id and attempt; outside of tasks it is null', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    assert.equal(currentTask(), null);
    const [first, second] = await inTime(Promise.all([executor.submit(context.self), executor.submit(context.self)]));
    assert.deepEqual([first?.attempt, first?.aborted, first?.traceparent], [1, false, undefined]);
    assert.ok((second?.id ?? 0) > (first?.id ?? 0), 'ids are unique');
    await inTime(executor.submit(context.outside));
    assert.deepEqual(await inTime(executor.submit(context.whatOutside)), [false, 'InvalidStateError'], 'also once it is over');
  }),
);

executorTest('a task that is run again after a death counts its attempts', () =>
  withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    const [attempt] = await inTime(executor.options({ retries: 3 }).submit(context.dieUntil, 3));
    assert.equal(attempt, 3);
  }),
);

executorTest('progress() reaches the callbacks of the future, in order, before it is done; of threads too', async () => {
  const values = [1, 'two', { three: 3 }, new Map([[4, new Uint8Array(100_000)]])];
  await withExecutor({ maxWorkers: 1 }, async (executor) => {
    assert.deepEqual(await reportsOf(executor.submit(context.report, values)), values);
    assert.deepEqual(await reportsOf(executor.submit(context.reportAtOnce, values)), values);
    const error = await errorOf(executor.submit(context.report, [Symbol('no value')]));
    assert.equal(error.name, 'SerializationError');
    assert.throws(() => executor.submit(tasks.square, 1).addProgressCallback(1 as never), TypeError);
  });
  const threads = new ThreadPoolExecutor({ maxWorkers: 1 });
  assert.deepEqual(await reportsOf(threads.submit(context.report, values)), values);
  await inTime(threads.shutdown());
});

executorTest('a progress callback that throws is a warning and harms nothing', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const warnings: string[] = [];
    const onWarning = (warning: Error) => warnings.push(warning.message);
    process.on('warning', onWarning);
    const future = executor.submit(context.report, [1, 2]);
    future.addProgressCallback(() => {
      throw new RangeError('mine');
    });
    assert.equal(await inTime(future), 2);
    await until(() => warnings.length === 2, 'the warnings');
    process.off('warning', onWarning);
    assert.match(warnings[0] as string, /progress callback of a future threw: RangeError: mine/);
  }),
);

executorTest('a task that has asked for its signal is told of an abort or of its time, and its worker lives on', (t) =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const gate = join(scratch(t), 'listens');
    const controller = new AbortController();
    const { pid } = (await inTime(executor.submit(tasks.initialized))) as { pid: number };
    const aborted = executor.options({ signal: controller.signal }).submit(context.listen, gate);
    await until(() => existsSync(gate), 'the task to listen');
    controller.abort(new Error('not needed'));
    assert.ok((await errorOf(aborted)) instanceof CancelledError);
    const [name, message, where] = await inTime(executor.submit(context.lastReason));
    assert.deepEqual([name, where], ['CancelledError', pid]);
    assert.match(message, /cancelled by its signal/);
    assert.ok((await errorOf(executor.options({ taskTimeout: 50 }).submit(context.listen))) instanceof TimeoutError);
    assert.deepEqual(
      (await inTime(executor.submit(context.lastReason))).slice(0, 3).filter((_, i) => i !== 1),
      ['TimeoutError', pid],
    );
  }),
);

executorTest('a task that takes no notice of its signal is killed all the same [fault 19]', (t) =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const gate = join(scratch(t), 'listens');
    const controller = new AbortController();
    const { pid } = await inTime(executor.submit(tasks.initialized));
    const future = executor.options({ signal: controller.signal }).submit(context.ignore, gate);
    await until(() => existsSync(gate), 'the task to run');
    controller.abort();
    assert.ok((await errorOf(future)) instanceof CancelledError);
    assert.notEqual((await inTime(executor.submit(tasks.initialized))).pid, pid);
  }),
);

executorTest('values of marked storages reach the task, by submit, map and pools; others do not', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const [before, during, later] = context.local.run('stays here', () => [
      executor.submit(context.stores),
      ...context.request.run({ id: 'r-1', at: new Date(5) }, () => [
        executor.submit(context.stores),
        executor.submit(context.storesLater),
      ]),
    ]) as [Future<unknown[]>, Future<unknown[]>, Future<unknown[]>];
    assert.deepEqual(await inTime(before), [undefined, undefined]);
    for (const future of [during, later]) assert.deepEqual(await inTime(future), [{ id: 'r-1', at: new Date(5) }, undefined]);
    assert.deepEqual(await inTime(executor.submit(context.stores)), [undefined, undefined], 'nothing stays behind');
    const mapped = context.request.run('mapped', () => executor.map(context.storesOf, [1, 2, 3], { bufferSize: 1 }));
    for await (const stores of mapped) assert.deepEqual(stores, ['mapped', undefined]);
    const pool = new Pool(1);
    const [applied, all] = context.request.run('pooled', () => [pool.apply(context.stores), pool.map(context.storesOf, [1, 2])]);
    assert.deepEqual(await inTime(applied), ['pooled', undefined]);
    assert.deepEqual(await inTime(all), [
      ['pooled', undefined],
      ['pooled', undefined],
    ]);
    await pool.terminate();
  }),
);

executorTest('a value that cannot be taken along fails its own submit only; carry() refuses what is no storage', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const future = context.request.run(Symbol('no value'), () => executor.submit(context.stores));
    assert.equal((await errorOf(future)).name, 'SerializationError');
    assert.equal(await inTime(executor.submit(tasks.square, 3)), 9);
    assert.throws(() => carry('', new AsyncLocalStorage()), TypeError);
    assert.throws(() => carry('x', {} as never), TypeError);
  }),
);

executorTest('a W3C traceparent reaches the task where it was asked for', () =>
  withExecutor({ maxWorkers: 1, traceparent: () => TRACEPARENT }, async (executor) => {
    assert.equal((await inTime(executor.submit(context.self)))?.traceparent, TRACEPARENT);
    const other = TRACEPARENT.replace('-01', '-00');
    assert.equal((await inTime(executor.options({ traceparent: other }).submit(context.self)))?.traceparent, other);
    for await (const mapped of executor.map(context.self, [1] as never))
      assert.equal((mapped as { traceparent: string }).traceparent, TRACEPARENT);
    assert.throws(() => executor.options({ traceparent: 'nonsense' }), RangeError);
    assert.throws(() => executor.options({ traceparent: 1 as never }), TypeError);
  }),
);
