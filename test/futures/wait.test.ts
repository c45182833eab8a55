import assert from 'node:assert/strict';
import { asCompleted, CancelledError, Future, InvalidStateError, Process, TimeoutError, wait } from 'multiproc';
import { errorOf, executorTest, gate, inTime, tasks, withExecutor } from './executor-support.js';

const done = (value: unknown = 42): Future<unknown> => {
  const future = new Future<unknown>();
  future.setResult(value);
  return future;
};
const failed = (): Future<unknown> => {
  const future = new Future<unknown>();
  future.setException(new RangeError('failed'));
  future.exception().catch(() => {});
  return future;
};
const cancelled = (): Future<unknown> => {
  const future = new Future<unknown>();
  future.cancel();
  return future;
};
const pending = (): Future<unknown> => new Future<unknown>();

/** Collects what `asCompleted` gives, and the error it ends with. */
async function collect<T>(items: AsyncIterable<T>): Promise<{ given: T[]; error: unknown }> {
  const given: T[] = [];
  try {
    for await (const item of items) given.push(item);
  } catch (error) {
    return { given, error };
  }
  return { given, error: undefined };
}

executorTest(
  'wait() resolves when all are done; what is given twice counts once [WaitTests.test_all_completed WaitTests.test_20369]',
  () =>
    withExecutor({ maxWorkers: 2 }, async (executor) => {
      const futures = [executor.submit(tasks.square, 2), executor.submit(tasks.fail, 'no'), done(), cancelled()];
      const first = futures[0] as Future<unknown>;
      const waited = await inTime(wait([...futures, first]));
      assert.deepEqual([waited.done.size, waited.notDone.size], [4, 0]);
      assert.deepEqual(new Set(futures), waited.done);
      const none = await inTime(wait([]));
      assert.deepEqual([none.done.size, none.notDone.size], [0, 0]);
      const twice = await inTime(wait([first, first]));
      assert.deepEqual([twice.done.size, twice.notDone.size], [1, 0]);
    }),
);

executorTest('wait() with FIRST_COMPLETED resolves at the first [F WaitTests.test_first_completed]', (t) =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const { path, open } = gate(t);
    const slow = executor.submit(tasks.block, path, 'slow');
    const quick = executor.submit(tasks.square, 3);
    const never = pending();
    const waited = await inTime(wait([slow, quick, never], { returnWhen: 'FIRST_COMPLETED' }));
    assert.deepEqual([...waited.done], [quick]);
    assert.deepEqual([...waited.notDone], [slow, never]);
    open();
    assert.equal(await inTime(slow), 'slow');
  }),
);

executorTest(
  'wait() resolves at once where enough is done already [F WaitTests.test_first_completed_some_already_completed]',
  async () => {
    const never = pending();
    for (const [items, returnWhen] of [
      [[cancelled(), never], 'FIRST_COMPLETED'],
      [[done(), never], 'FIRST_COMPLETED'],
      [[failed(), never], 'FIRST_EXCEPTION'],
    ] as const) {
      const waited = await inTime(wait(items, { returnWhen }));
      assert.deepEqual([...waited.done], [items[0]]);
      assert.deepEqual([...waited.notDone], [never]);
    }
  },
);

executorTest(
  'wait() with FIRST_EXCEPTION resolves at the first failure; a cancelled future is none [WaitTests.test_first_exception WaitTests.test_first_exception_some_already_complete WaitTests.test_first_exception_one_already_failed]',
  (t) =>
    withExecutor({ maxWorkers: 2 }, async (executor) => {
      const { path, open } = gate(t);
      const slow = executor.submit(tasks.block, path, 'slow');
      const fine = executor.submit(tasks.square, 3);
      await inTime(fine);
      const fails = executor.submit(tasks.fail, 'no');
      const waited = await inTime(wait([fine, slow, fails, cancelled()], { returnWhen: 'FIRST_EXCEPTION' }));
      assert.deepEqual([waited.done.has(fine), waited.done.has(fails), waited.notDone.has(slow)], [true, true, true]);
      open();
      const rest = await inTime(wait([slow, cancelled(), done()], { returnWhen: 'FIRST_EXCEPTION' }));
      assert.deepEqual([rest.done.size, rest.notDone.size], [3, 0]);
      const late = pending();
      const untilCancelled = wait([late, slow], { returnWhen: 'FIRST_EXCEPTION' });
      assert.equal(late.cancel(), true);
      assert.equal((await inTime(untilCancelled)).done.size, 2);
    }),
);

executorTest('wait() whose time runs out resolves to what is done by then [F WaitTests.test_timeout]', async () => {
  const [first, never] = [done(), pending()];
  for (const timeout of [0, 20]) {
    const waited = await inTime(wait([first, never, failed()], { timeout }));
    assert.deepEqual([waited.done.size, ...waited.notDone], [2, never]);
  }
});

executorTest('wait() and asCompleted() take processes and futures together', async () => {
  const running: Process = new Process({ target: tasks.square, args: [3] });
  const failing: Process = new Process({ target: tasks.fail, args: ['no'] });
  await Promise.all([running.start(), failing.start()]);
  const waited = await inTime(wait<Process | Future<unknown>>([running, failing, done()]));
  assert.deepEqual([waited.done.size, waited.notDone.size], [3, 0]);
  const { given } = await collect(asCompleted<Process | Future<unknown>>([failing, done(), running]));
  assert.equal(given.length, 3);
  const unstarted = new Process({ target: tasks.square, args: [3] });
  assert.ok((await errorOf(wait([unstarted]))) instanceof InvalidStateError);
  assert.ok((await collect(asCompleted([unstarted]))).error instanceof InvalidStateError);
});

executorTest('wait() and asCompleted() refuse what cannot be waited for', async () => {
  await assert.rejects(
    wait([1 as unknown as Future<unknown>]),
    /Cannot wait: each item must be a future or a process, received number/,
  );
  await assert.rejects(wait(5 as unknown as Future<unknown>[]), TypeError);
  await assert.rejects(wait([done()], { returnWhen: 'SOON' as 'ALL_COMPLETED' }), RangeError);
  await assert.rejects(wait([done()], { timeout: Number.NaN }), RangeError);
  assert.throws(() => asCompleted([null as unknown as Future<unknown>]), TypeError);
});

executorTest(
  'asCompleted() gives the futures themselves in the order of their ends, those done already first [F AsCompletedTests.test_no_timeout]',
  (t) =>
    withExecutor({ maxWorkers: 2 }, async (executor) => {
      const { path, open } = gate(t);
      const slow = executor.submit(tasks.block, path, 'slow');
      const quick = executor.submit(tasks.square, 3);
      const fails = executor.submit(tasks.fail, 'no');
      const already = [cancelled(), done(), failed()];
      const given: Future<unknown>[] = [];
      for await (const future of asCompleted<Future<unknown>>([slow, quick, fails, ...already])) {
        given.push(future as Future<unknown>);
        if (given.length === 5) open();
      }
      assert.deepEqual(given.slice(0, 3), already);
      assert.deepEqual(new Set(given.slice(3, 5)), new Set([quick, fails]));
      assert.equal(given[5], slow);
    }),
);

executorTest(
  'asCompleted() gives what is given twice once, and nothing of nothing [F AsCompletedTests.test_duplicate_futures]',
  async () => {
    const late = pending();
    const collecting = collect(asCompleted([late, late]));
    late.setResult(1);
    assert.deepEqual((await inTime(collecting)).given, [late]);
    assert.deepEqual((await collect(asCompleted([]))).given, []);
  },
);

executorTest(
  'asCompleted() gives what is done before its time runs out, then rejects with the numbers, then ends [AsCompletedTests.test_future_times_out AsCompletedTests.test_correct_timeout_exception_msg]',
  async () => {
    for (const timeout of [0, 20]) {
      const finished: Future<unknown>[] = [cancelled(), done(), failed()];
      const iterator = asCompleted([...finished, pending()], { timeout });
      const { given, error } = await inTime(collect(iterator));
      assert.deepEqual(given, finished);
      assert.ok(error instanceof TimeoutError);
      assert.match(error.message, new RegExp(`1 of 4 were not done within ${timeout} ms`));
      assert.deepEqual(await iterator.next(), { value: undefined, done: true });
    }
  },
);

executorTest('several next() of asCompleted() may wait at once; return() ends them', async () => {
  const [a, b, never] = [pending(), pending(), pending()];
  const iterator = asCompleted([a, b, never]);
  const results = Promise.all([iterator.next(), iterator.next(), iterator.next()]);
  b.setResult(1);
  a.cancel();
  await a.exception().catch((error: unknown) => assert.ok(error instanceof CancelledError));
  await new Promise(setImmediate);
  await iterator.return?.();
  const given = (await inTime(results)).map(({ value }) => value as unknown);
  assert.deepEqual(new Set(given), new Set([b, a, undefined]));
});
