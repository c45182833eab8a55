import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { activeChildren, asCompleted, ClosedError, type Future, RemoteError, TimeoutError, wait } from '#src/index.js';
import { eachKind } from '../support/kinds.js';
import { all, assertCollected, untilCollected, range, withExecutorOf } from './conformance-support.js';
import { errorOf, gate, inTime, notes, scratch, tasks, until } from './executor-support.js';

const power = (base: number, exponent: number) => base ** exponent;
const divide = (a: number, b: number) => {
  if (b === 0) throw new RangeError('division by zero');
  return Math.floor(a / b);
};
const given = (...args: unknown[]) => args;

function* naturals(read: number[] = []): Generator<number> {
  for (let i = 0; ; i++) {
    read.push(i);
    yield i;
  }
}

eachKind('submit() gives the result of the call [ExecutorTest.test_submit]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
    assert.equal(await inTime(executor.submit(power, 2, 8)), 256);
  }),
);

eachKind('an object of options arrives as any argument, whatever its keys are [ExecutorTest.test_submit_keyword]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    const options = { self: 1, fn: 2, timeout: 3, signal: 4 };
    assert.deepEqual(await inTime(executor.submit(given, 16, options)), [16, options]);
    assert.deepEqual(await inTime(executor.submit(given)), []);
  }),
);

eachKind('map() calls for the items of several iterables in step [ExecutorTest.test_map]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
    const expected = range(10).map((i) => i ** i);
    assert.deepEqual(await inTime(all(executor.map(power, range(10), range(10)))), expected);
    assert.deepEqual(await inTime(all(executor.map(power, range(10), range(10), { chunkSize: 3 }))), expected);
  }),
);

eachKind("an item's error is that of its next() [ExecutorTest.test_map_exception]", (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    const results = executor.map(divide, [1, 1, 1, 4], [2, 3, 0, 2]);
    assert.deepEqual((await inTime(results.next())).value, 0);
    assert.deepEqual((await inTime(results.next())).value, 0);
    const error = await errorOf(results.next());
    assert.ok(error instanceof RangeError && error.message === 'division by zero');
    assert.deepEqual(await inTime(results.next()), { value: 2, done: false });
  }),
);

eachKind('map() with a timeout gives what is there in time, then rejects [ExecutorTest.test_map_timeout]', (kind, t) =>
  withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
    const { path, open } = gate(t);
    const wait = async (file: string | null) => {
      const { existsSync } = await import('node:fs');
      while (file !== null && !existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 2));
      return file;
    };
    assert.equal(await inTime(executor.submit(wait, null)), null, 'a worker is up');
    const results: (string | null)[] = [];
    const error = await errorOf(
      (async () => {
        for await (const result of executor.map(wait, [null, null, path], { timeout: 2500 })) results.push(result);
      })(),
    );
    assert.ok(error instanceof TimeoutError);
    assert.deepEqual(results, [null, null]);
    open();
  }),
);

eachKind('bufferSize must be an integer [ExecutorTest.test_map_buffersize_type_validation]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    for (const bufferSize of ['foo', '2', 3n, {}])
      assert.throws(() => executor.map(power, range(3), range(3), { bufferSize: bufferSize as number }), TypeError);
    assert.throws(() => executor.map(power, range(3), range(3), { bufferSize: 2.5 }), RangeError);
  }),
);

eachKind('bufferSize must be at least 1 [ExecutorTest.test_map_buffersize_value_validation]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    for (const bufferSize of [0, -1]) assert.throws(() => executor.map(power, range(3), range(3), { bufferSize }), RangeError);
  }),
);

eachKind(
  'map() with any bufferSize gives the same results, over one iterable or several [ExecutorTest.test_map_buffersize ExecutorTest.test_map_buffersize_on_multiple_iterables]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
      for (const bufferSize of [1, 3, 4, 5]) {
        assert.deepEqual(await inTime(all(executor.map(tasks.square, range(4), { bufferSize }))), [0, 1, 4, 9]);
        assert.deepEqual(await inTime(all(executor.map(tasks.add, range(4), range(5), range(6), { bufferSize }))), [0, 3, 6, 9]);
      }
    }),
);

eachKind(
  'map() goes through infinite iterables [ExecutorTest.test_map_buffersize_on_infinite_iterable ExecutorTest.test_map_buffersize_on_multiple_infinite_iterables]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const one = executor.map(tasks.square, naturals(), { bufferSize: 2 });
      for (const i of range(5)) assert.equal((await inTime(one.next())).value, i * i);
      const several = executor.map(tasks.add, naturals(), naturals(), { bufferSize: 2 });
      for (const i of range(5)) assert.equal((await inTime(several.next())).value, 2 * i);
      await inTime(Promise.all([one.return?.(), several.return?.()]));
    }),
);

eachKind('map() over nothing gives nothing [ExecutorTest.test_map_buffersize_on_empty_iterable]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    assert.deepEqual(await inTime(executor.map(tasks.square, [], { bufferSize: 2 }).next()), { value: undefined, done: true });
  }),
);

eachKind(
  'map() without an iterable is refused at once, where Python gives nothing [ExecutorTest.test_map_buffersize_without_iterable]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      assert.throws(
        () => (executor.map as (...args: unknown[]) => unknown)(tasks.pid, { bufferSize: 2 }),
        /at least one iterable/,
      );
    }),
);

eachKind(
  'map() reads no more items than its buffer holds until somebody takes results [ExecutorTest.test_map_buffersize_when_buffer_is_full]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const read: number[] = [];
      const results = executor.map(tasks.square, naturals(read), { bufferSize: 4 });
      assert.equal(await inTime(executor.submit(tasks.square, 3)), 9, 'the four before it are done');
      assert.equal(read.length, 4);
      await inTime(results.next());
      assert.ok(read.length > 1 && read.length <= 8);
      await results.return?.();
    }),
);

eachKind('shutdown() while a map is on its way hangs nobody [ExecutorTest.test_shutdown_race_issue12456]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 3 }, async (executor) => {
    const results = executor.map(tasks.square, new Array<number>(4).fill(2));
    await inTime(executor.shutdown());
    assert.deepEqual(await inTime(all(results)), [4, 4, 4, 4]);
  }),
);

eachKind(
  'an executor keeps no argument of a task that is done [ExecutorTest.test_no_stale_references InterpreterPoolExecutorTest.test_no_stale_references]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const submit = () => {
        const argument = { text: 'x'.repeat(1000) };
        return { done: executor.submit(tasks.identity, argument).then(() => {}), reference: new WeakRef(argument) };
      };
      const { done, reference } = submit();
      await inTime(done);
      await assertCollected(reference, 'the argument');
    }),
);

eachKind(
  'map() keeps no result that it has given [ExecutorTest.test_free_reference InterpreterPoolExecutorTest.test_free_reference]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      const results = executor.map((x: number) => ({ x }), range(6));
      const take = async () => new WeakRef((await inTime(results.next())).value as object);
      for (let i = 0; i < 4; i++) await assertCollected(await take(), `result ${i}`);
      await results.return?.();
    }),
);

eachKind('maxWorkers must be at least 1 [ExecutorTest.test_max_workers_negative]', (kind) => {
  for (const maxWorkers of [0, -1])
    assert.throws(() => new kind.Executor({ maxWorkers }), /maxWorkers must be a positive integer/);
});

eachKind('maxWorkers must be within the members that a family can have', (kind) => {
  for (const maxWorkers of [4033, 1e9])
    assert.throws(() => new kind.Executor({ maxWorkers }), {
      name: 'RangeError',
      message: new RegExp(`maxWorkers must be at most 4032, .* received ${maxWorkers}$`),
    });
});

eachKind(
  'a thrown value that counts as false is an error all the same [ExecutorTest.test_swallows_falsey_exceptions F-10]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
      for (const value of [0, '', false, null, undefined]) {
        const error = await errorOf(executor.submit(tasks.throwValue, value));
        assert.ok(error instanceof RemoteError && Object.is(error.value, value), String(value));
      }
      class Empty extends Error {
        get length(): number {
          return 0;
        }
      }
      assert.ok(
        (
          await errorOf(
            executor.submit(() => {
              throw new Empty('falsy in Python');
            }),
          )
        ).message === 'falsy in Python',
      );
    }),
);

eachKind('asCompleted() keeps no future that it has given [AsCompletedTests.test_free_reference_yielded_future]', (kind) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    const completed = asCompleted([1, 2, 3, 4].map((x) => executor.submit(tasks.square, x)));
    const take = async () => new WeakRef((await inTime(completed.next())).value as object);
    for (let i = 0; i < 3; i++) await assertCollected(await take(), `future ${i}`);
    await completed.return?.();
  }),
);

eachKind(
  'many futures that are done while somebody waits for them wake him once [ThreadPoolWaitTests.test_pending_calls_race]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 2 }, async (executor) => {
      const futures = range(200).map((x) => executor.submit(tasks.later<number>, x, x % 3));
      const waits = range(20).map(() => wait(futures));
      for (const { done, notDone } of await inTime(Promise.all(waits))) assert.deepEqual([done.size, notDone.size], [200, 0]);
    }),
);

eachKind('after shutdown() submit() throws ClosedError [ExecutorShutdownTest.test_run_after_shutdown]', async (kind) => {
  const executor = new kind.Executor({ maxWorkers: 1 });
  await inTime(executor.shutdown());
  assert.throws(() => executor.submit(power, 2, 5), ClosedError);
});

eachKind('shutdown() waits for everything that was submitted [ExecutorShutdownTest.test_hang_issue12364]', async (kind) => {
  const executor = new kind.Executor({ maxWorkers: 2 });
  const futures = range(50).map((x) => executor.submit(tasks.later<number>, x, 2));
  await inTime(executor.shutdown());
  assert.ok(futures.every((future) => future.done()));
  assert.deepEqual(await Promise.all(futures), range(50));
});

eachKind(
  'shutdown({ cancelFutures }) cancels what has not begun, and waits for the rest or not [ExecutorShutdownTest.test_cancel_futures ThreadPoolShutdownTest.test_cancel_futures_wait_false]',
  async (kind, t) => {
    for (const waiting of [true, false]) {
      const executor = new kind.Executor({ maxWorkers: 1 });
      const { path, open } = gate(t, `gate ${waiting}`);
      const futures = range(20).map((x) => executor.submit(tasks.block<number>, path, x));
      await until(() => futures[0]?.running() === true, 'the first to run');
      const ended = executor.shutdown({ cancelFutures: true, wait: waiting });
      if (!waiting) await inTime(ended);
      assert.equal(futures.filter((future) => future.cancelled()).length, 19);
      open();
      await inTime(ended);
      assert.equal(await inTime(futures[0] as Future<number>), 0);
      await inTime(executor.shutdown());
    }
  },
);

eachKind(
  'shutdown({ wait: false }) lets everything end well [ProcessPoolShutdownTest.test_shutdown_no_wait ThreadPoolShutdownTest.test_shutdown_no_wait]',
  async (kind) => {
    const executor = new kind.Executor({ maxWorkers: 2 });
    const results = executor.map(
      Math.abs,
      range(10).map((x) => x - 5),
      { bufferSize: 10 },
    );
    await inTime(executor.shutdown({ wait: false }));
    assert.deepEqual(await inTime(all(results)), [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]);
    await inTime(executor.shutdown());
  },
);

eachKind(
  'await using shuts down [ProcessPoolShutdownTest.test_context_manager_shutdown ThreadPoolShutdownTest.test_context_manager_shutdown]',
  async (kind) => {
    const kept = new kind.Executor({ maxWorkers: 2 });
    const results = kept.map(
      Math.abs,
      range(5).map((x) => -x),
    );
    await inTime(kept[Symbol.asyncDispose]()); // what `await using` does at the end of its block
    assert.deepEqual(await inTime(all(results)), [0, 1, 2, 3, 4]);
    assert.equal(kept.stats().workers, 0);
    assert.throws(() => kept.submit(power, 1, 1), ClosedError);
  },
);

eachKind(
  'no worker is left after shutdown() [ProcessPoolShutdownTest.test_processes_terminate ThreadPoolShutdownTest.test_threads_terminate]',
  async (kind) => {
    const executor = new kind.Executor({ maxWorkers: 3 });
    await inTime(executor.broadcast(tasks.square, 2));
    assert.equal(executor.stats().workers, 3);
    await inTime(executor.shutdown());
    assert.equal(executor.stats().workers, 0); // and the census finds none
  },
);

eachKind(
  'an executor that nobody keeps gives its results, and its futures settle [ProcessPoolShutdownTest.test_del_shutdown ThreadPoolShutdownTest.test_del_shutdown]',
  async (kind, t) => {
    const file = `${scratch(t)}/notes`;
    const use = async () => {
      const executor = new kind.Executor({ maxWorkers: 2 });
      return all(
        executor.map(tasks.note as (file: string, text: string) => string, new Array<string>(5).fill(file), range(5).map(String)),
      );
    };
    assert.deepEqual(await inTime(use()), range(5).map(String));
    assert.equal(notes(file).length, 5);
    await untilCollected(() => activeChildren().length === 0, 'the end of the workers');
  },
);

eachKind(
  'an executor starts no more workers than it needs, and uses idle ones again [ThreadPoolExecutorTest.test_idle_thread_reuse InterpreterPoolExecutorTest.test_idle_thread_reuse ProcessPoolExecutorTest.test_idle_process_reuse_one E-03]',
  (kind) =>
    withExecutorOf(kind, { maxWorkers: 8 }, async (executor) => {
      assert.equal(executor.stats().workers, 0);
      for (const x of range(3)) assert.equal(await inTime(executor.submit(tasks.square, x)), x * x);
      assert.equal(executor.stats().workers, 1);
    }),
);

eachKind(
  'an executor starts all its workers under load, and no more [ThreadPoolExecutorTest.test_saturation InterpreterPoolExecutorTest.test_saturation ProcessPoolExecutorTest.test_saturation ProcessPoolExecutorTest.test_idle_process_reuse_multiple]',
  (kind, t) =>
    withExecutorOf(kind, { maxWorkers: 3 }, async (executor) => {
      const { path, open } = gate(t);
      const futures = range(15).map((x) => executor.submit(tasks.block<number>, path, x));
      await until(() => executor.stats().running === 3, 'three to run');
      assert.equal(executor.stats().workers, 3);
      open();
      assert.deepEqual(await inTime(Promise.all(futures)), range(15));
      assert.equal(executor.stats().workers, 3);
    }),
);

eachKind('console.log shows the state of an executor and of a future [FutureTests.test_repr F-08]', (kind, t) =>
  withExecutorOf(kind, { maxWorkers: 1 }, async (executor) => {
    const { path, open } = gate(t);
    const running = executor.submit(tasks.block<string>, path, 'x');
    const pending = executor.submit(tasks.square, 2);
    await until(() => running.running(), 'the task to run');
    assert.equal(inspect(running), "Future { state: 'running' }");
    assert.equal(inspect(pending), "Future { state: 'pending' }");
    assert.match(inspect(executor), new RegExp(`^${kind.Executor.name} \\{\\s+state: 'open',\\s+maxWorkers: 1,\\s+workers: 1`));
    pending.cancel();
    open();
    assert.equal(await inTime(running), 'x');
    assert.equal(inspect(running), "Future { state: 'finished', value: 'x' }");
    assert.equal(inspect(pending), "Future { state: 'cancelled' }");
    const failed = executor.submit(tasks.fail, 'mine');
    await errorOf(failed);
    assert.match(inspect(failed), /^Future \{\s+state: 'finished',\s+error: RangeError: mine/);
  }),
);
