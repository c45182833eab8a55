/**
 * What reaches a task beside its arguments, and what it gives back beside its result, for every kind of workers.
 *
 * Runs in the test process; the tasks are in `context.mjs`.
 */
import assert from 'node:assert/strict';
import type { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { CancelledError, getContext, Pool, ProcessPoolExecutor, ThreadPool, ThreadPoolExecutor, TimeoutError } from 'multiproc';
import { all, range, withExecutorOf, withPoolOf } from './conformance-support.js';
import { errorOf, executorTest, FIXTURES, inTime, scratch, until } from './executor-support.js';
import type { Kind } from '../support/kinds.js';

interface Seen {
  readonly id: number;
  readonly attempt: number;
  readonly traceparent: string | undefined;
  readonly aborted: boolean;
}
interface ContextTasks {
  request: AsyncLocalStorage<unknown>;
  local: AsyncLocalStorage<unknown>;
  stores(): unknown[];
  storesOf(item: number): unknown[];
  storesOfBytes(bytes: Buffer): [unknown[], number];
  storesNested(): Promise<unknown[]>;
  storesUntil(attempt: number): [unknown[], Seen];
  selfOf(item: unknown): Seen | null;
  report(values: unknown[]): Promise<number>;
  listen(gate?: string): Promise<void>;
  lastReason(): [string, string, number];
}
const context = (await import(new URL('context.mjs', FIXTURES).href)) as ContextTasks;
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const own = ({ separate }: TaskKind) => separate;

/** Of the package, as what the tasks import is: marks of one copy of the library are not those of another. */
type TaskKind = Pick<Kind, 'name' | 'separate' | 'Pool' | 'Executor'>;
const forking = getContext('forkserver');
const kinds = [
  { name: 'spawn', separate: true, Pool, Executor: ProcessPoolExecutor },
  { name: 'thread', separate: false, Pool: ThreadPool, Executor: ThreadPoolExecutor },
  { name: 'forkserver', separate: true, Pool: forking.Pool, Executor: forking.ProcessPoolExecutor },
] as unknown as readonly TaskKind[];

function eachKind(
  title: string,
  body: (kind: TaskKind, t: TestContext) => Promise<unknown>,
  only: (kind: TaskKind) => boolean = () => true,
): void {
  for (const kind of kinds.filter(only)) {
    const warmUp = (): Promise<unknown> => withPoolOf(kind as Kind, 1, (pool) => pool.apply(context.stores));
    executorTest(`${kind.name}: ${title}`, (t) => body(kind, t), { warmUp });
  }
}

eachKind(
  'marked AsyncLocalStorage values reach tasks of submit, map and broadcast, others do not, and nothing stays behind',
  (kind) =>
    withExecutorOf(kind as Kind, { maxWorkers: 2 }, async (executor) => {
      const [submitted, mapped, everywhere] = context.local.run('stays here', () =>
        context.request.run({ id: 'r-1' }, () => [
          executor.submit(context.stores),
          all(executor.map(context.storesOf, range(3), { chunkSize: 2 })),
          executor.broadcast(context.stores),
        ]),
      ) as [PromiseLike<unknown[]>, Promise<unknown[][]>, Promise<unknown[][]>];
      const carried = [{ id: 'r-1' }, undefined];
      assert.deepEqual(await inTime(submitted), carried);
      assert.deepEqual(await inTime(mapped), [carried, carried, carried]);
      assert.deepEqual(await inTime(everywhere), [carried, carried]);
      assert.deepEqual(await inTime(executor.broadcast(context.stores)), [
        [undefined, undefined],
        [undefined, undefined],
      ]);
    }),
);

eachKind('marked AsyncLocalStorage values reach tasks of every method of a pool', (kind) =>
  withPoolOf(kind as Kind, 1, async (pool) => {
    const carried = ['pooled', undefined];
    const calls = context.request.run('pooled', () => [
      pool.apply(context.stores),
      pool.applyAsync(context.stores).get(),
      pool.map(context.storesOf, [1]).then(([first]) => first),
      pool
        .mapAsync(context.storesOf, [1])
        .get()
        .then(([first]) => first),
      pool.starmap(context.storesOf, [[1]]).then(([first]) => first),
      all(pool.imap(context.storesOf, [1])).then(([first]) => first),
      all(pool.imapUnordered(context.storesOf, [1])).then(([first]) => first),
    ]);
    for (const stores of await inTime(Promise.all(calls))) assert.deepEqual(stores, carried);
    assert.deepEqual(await inTime(pool.apply(context.stores)), [undefined, undefined]);
  }),
);

eachKind('marked values go with large arguments, and on to the tasks of a task', (kind) =>
  withExecutorOf(kind as Kind, { maxWorkers: 1 }, async (executor) => {
    const bytes = Buffer.alloc(2 ** 20, 7);
    const [large, nested] = context.request.run('on', () => [
      executor.submit(context.storesOfBytes, bytes),
      executor.submit(context.storesNested),
    ]) as [PromiseLike<[unknown[], number]>, PromiseLike<unknown[]>];
    assert.deepEqual(await inTime(large), [['on', undefined], 2 ** 20]);
    assert.deepEqual(await inTime(nested), ['on', undefined]);
  }),
);

eachKind(
  'a task that runs again after a death has the same id, its marked values and its traceparent, and one attempt more',
  (kind) =>
    withExecutorOf(kind as Kind, { maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
      const again = context.request.run('again', () =>
        executor.options({ retries: 2, traceparent: TRACEPARENT }).submit(context.storesUntil, 3),
      );
      const [stores, { attempt, traceparent }] = await inTime(again);
      assert.deepEqual([stores, attempt, traceparent], [['again', undefined], 3, TRACEPARENT]);
    }),
  own,
);

eachKind('a W3C traceparent reaches the tasks of an executor that is asked to: of submit, map and broadcast', async (kind) => {
  await withExecutorOf(kind as Kind, { maxWorkers: 1, traceparent: () => TRACEPARENT }, async (executor) => {
    const seen = [
      await inTime(executor.submit(context.selfOf, 1)),
      ...(await inTime(all(executor.map(context.selfOf, range(2))))),
      ...(await inTime(executor.broadcast(context.selfOf, 1))),
    ];
    assert.deepEqual(
      seen.map((each) => each?.traceparent),
      [TRACEPARENT, TRACEPARENT, TRACEPARENT, TRACEPARENT],
    );
  });
  await withExecutorOf(kind as Kind, { maxWorkers: 1 }, async (executor) => {
    assert.equal((await inTime(executor.submit(context.selfOf, 1)))?.traceparent, undefined, 'only where it was asked for');
  });
});

eachKind('what a traceparent function gives wrong, or throws, fails its own submit only', async (kind) => {
  const answers: unknown[] = ['nonsense', 7, new RangeError('mine'), TRACEPARENT];
  const traceparent = () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer as string;
  };
  await withExecutorOf(kind as Kind, { maxWorkers: 1, traceparent }, async (executor) => {
    assert.match(String(await errorOf(executor.submit(context.selfOf, 1))), /RangeError: Cannot submit: traceparent/);
    assert.match(String(await errorOf(executor.submit(context.selfOf, 1))), /TypeError: Cannot submit: traceparent/);
    assert.match(String(await errorOf(executor.submit(context.selfOf, 1))), /RangeError: mine/);
    assert.equal((await inTime(executor.submit(context.selfOf, 1)))?.traceparent, TRACEPARENT);
  });
});

eachKind(
  'currentTask() in a pool: an id of its own for each task, the first attempt, a signal; progress is heard by nobody',
  (kind) =>
    withPoolOf(kind as Kind, 2, async (pool) => {
      const calls = [pool.apply(context.selfOf, [1]), pool.apply(context.selfOf, [2])];
      const seen = await inTime(Promise.all([...calls, pool.map(context.selfOf, range(6), { chunkSize: 1 })]));
      const tasks = seen.flat();
      assert.equal(new Set(tasks.map((task) => task?.id)).size, 8);
      for (const task of tasks) assert.deepEqual([task?.attempt, task?.aborted, task?.traceparent], [1, false, undefined]);
      assert.equal(await inTime(pool.apply(context.report, [[1, 'two']])), 2);
      assert.deepEqual(await inTime(pool.map(context.report, [[1], [2, 3]])), [1, 2]);
    }),
);

eachKind('progress() reaches the callbacks of its own future, in order, before it is done, large values whole', (kind) =>
  withExecutorOf(kind as Kind, { maxWorkers: 2 }, async (executor) => {
    const values = range(4).map((i) => [i, new Map([[i, Buffer.alloc(300_000, i)]])]);
    const reports: unknown[][] = [[], []];
    const futures = reports.map((heard, i) => {
      const future = executor.submit(context.report, i === 0 ? values : ['other']);
      future.addProgressCallback((value, from) => {
        assert.equal(from, future);
        assert.equal(future.done(), false);
        heard.push(value);
      });
      return future;
    });
    assert.deepEqual(await inTime(Promise.all(futures)), [4, 1]);
    assert.deepEqual(reports, [values, ['other']]);
  }),
);

eachKind(
  'a task that has asked for its signal is told why it is ended, by signal or by time, and its worker lives on',
  (kind, t) =>
    withExecutorOf(kind as Kind, { maxWorkers: 1 }, async (executor) => {
      const file = join(scratch(t), 'listens');
      const controller = new AbortController();
      const aborted = executor.options({ signal: controller.signal }).submit(context.listen, file);
      await until(() => existsSync(file), 'the task to listen');
      controller.abort(new Error('not needed'));
      const error = await errorOf(aborted);
      assert.ok(error instanceof CancelledError && aborted.cancelled());
      assert.equal((error.cause as Error).message, 'not needed');
      const [name, message] = await inTime(executor.submit(context.lastReason));
      assert.equal(name, 'CancelledError');
      assert.match(message, /cancelled by its signal/);
      assert.ok((await errorOf(executor.options({ taskTimeout: 50 }).submit(context.listen))) instanceof TimeoutError);
      assert.equal((await inTime(executor.submit(context.lastReason)))[0], 'TimeoutError');
      assert.equal(executor.stats().restarts, 0);
    }),
);
