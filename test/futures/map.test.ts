import assert from 'node:assert/strict';
import { CancelledError, ClosedError, SerializationError, TimeoutError, type ProcessPoolExecutor } from 'multiproc';
import { setImmediate as turn } from 'node:timers/promises';
import { errorOf, executorTest, gate, inTime, isAlive, notes, scratch, tasks, until, withExecutor } from './executor-support.js';

/** 0, 1, 2 … and what became of it. */
function counter(end = Number.POSITIVE_INFINITY): { items: Generator<number>; state: { pulled: number; closed: boolean } } {
  const state = { pulled: 0, closed: false };
  function* count(): Generator<number> {
    try {
      while (state.pulled < end) yield state.pulled++;
    } finally {
      state.closed = true;
    }
  }
  return { items: count(), state };
}

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of results) values.push(value);
  return values;
}

const squares = (count: number) => Array.from({ length: count }, (_, i) => i * i);

/** Lets everything that is ready happen. */
async function settle(executor: ProcessPoolExecutor): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await executor.submit(tasks.square, i);
    await turn();
  }
}

executorTest('map() gives the results in input order, also when later items are done earlier [F-15]', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const delays = Array.from({ length: 30 }, (_, i) => ((i * 7) % 10) * 2);
    assert.deepEqual(await inTime(collect(executor.map(tasks.later<number>, delays.keys(), delays))), [...delays.keys()]);
    for (const chunkSize of [1, 3, 1000])
      assert.deepEqual(await inTime(collect(executor.map(tasks.square, Array(100).keys(), { chunkSize }))), squares(100));
    assert.deepEqual(await collect(executor.map(tasks.square, [])), []);
    assert.deepEqual(await collect(executor.map(tasks.identity<string>, 'añ😀')), ['a', 'ñ', '😀']);
  }),
);

executorTest('map() goes through several iterables in step, the shortest wins, the others are closed [F-15]', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const { items, state } = counter();
    const set = new Set([10, 20, 30]);
    async function* slow(): AsyncGenerator<number> {
      for (const each of [100, 200, 300, 400]) {
        await turn();
        yield each;
      }
    }
    const add = (a: number, b: number, c: number) => a + b + c;
    assert.deepEqual(await inTime(collect(executor.map(add, items, set, slow()))), [110, 221, 332]);
    assert.equal(state.closed, true);
    assert.deepEqual(
      await inTime(collect(executor.map(add, [1, 2, 3, 4, 5], [1, 2, 3], [1, 1, 1], { chunkSize: 2 }))),
      [3, 5, 7],
    );
  }),
);

executorTest('map() reads no more inputs than its buffer holds: infinite inputs work [F-16]', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    for (const [bufferSize, chunkSize] of [
      [1, 1],
      [3, 1],
      [4, 5],
    ] as const) {
      const { items, state } = counter();
      const results = executor.map(tasks.square, items, { bufferSize, chunkSize });
      await settle(executor);
      assert.equal(state.pulled, bufferSize * chunkSize, `before the first next(), buffer ${bufferSize}`);
      for (let i = 0; i < 10; i++) assert.deepEqual(await inTime(results.next()), { value: i * i, done: false });
      await settle(executor);
      const chunksTaken = Math.ceil(10 / chunkSize);
      assert.ok(state.pulled <= (chunksTaken + bufferSize) * chunkSize, `${state.pulled} pulled after 10, buffer ${bufferSize}`);
      await results.return?.();
      assert.equal(state.closed, true);
    }
    const { items, state } = counter();
    const results = executor.map(tasks.square, items);
    await settle(executor);
    assert.equal(state.pulled, 8, 'default: 4 × workers');
    await results.return?.();
  }),
);

executorTest('map() keeps every worker busy when its buffer is small', (t) => {
  const { path, open } = gate(t);
  const folder = scratch(t);
  return withExecutor({ maxWorkers: 3 }, async (executor) => {
    const run = (file: string, gateFile: string, item: number) =>
      import('node:fs').then(async ({ appendFileSync, existsSync }) => {
        appendFileSync(file, `${item}\n`);
        while (item > 0 && !existsSync(gateFile)) await new Promise((resolve) => setTimeout(resolve, 2));
        return item;
      });
    const results = executor.map((item: number) => run(`${folder}/notes`, path, item), counter().items, { bufferSize: 3 });
    assert.deepEqual(await inTime(results.next()), { value: 0, done: false });
    await until(() => notes(`${folder}/notes`).length === 4, 'items 1, 2 and 3 at once');
    open();
    await inTime(results.return?.() as Promise<unknown>);
  });
});

executorTest('map() gives each result as soon as it is there, however slow an asynchronous input is', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const got: number[] = [];
    let wake = () => {};
    async function* fedBack(): AsyncGenerator<number> {
      for (let i = 0; i < 5; i++) {
        yield i;
        while (got.length <= i) await new Promise<void>((resolve) => (wake = resolve));
      }
    }
    await inTime(
      (async () => {
        for await (const value of executor.map(tasks.square, fedBack(), { bufferSize: 4 })) {
          got.push(value);
          wake();
        }
      })(),
      'a map whose input waits for its results',
    );
    assert.deepEqual(got, squares(5));
  }),
);

executorTest('break and throw in the consumer cancel the rest and close the inputs', (t) => {
  const { path, open } = gate(t);
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    for (const leave of ['break', 'throw']) {
      const { items, state } = counter();
      await inTime(
        (async () => {
          for await (const value of executor.map(tasks.square, items)) {
            assert.equal(value, 0);
            if (leave === 'break') break;
            throw new Error('mine');
          }
        })().catch((error: Error) => assert.equal(error.message, 'mine')),
      );
      assert.deepEqual(state.closed, true, leave);
    }
    const blocker = executor.submit(tasks.block, path, 1);
    await until(() => blocker.running(), 'the blocker');
    const results = executor.map((f: string, text: string) => tasks.note(f, text), Array(50).fill(file), Array(50).fill('x'), {
      bufferSize: 50,
    });
    await inTime(results.return?.() as Promise<unknown>);
    open();
    await blocker;
    await executor.submit(tasks.square, 1);
    assert.deepEqual(notes(file), [], 'cancelled before they began');
    assert.deepEqual(await results.next(), { value: undefined, done: true });
  });
});

executorTest('return() ends a pending next() and does not wait for an input that never answers', (t) => {
  const { path, open } = gate(t);
  return withExecutor({ maxWorkers: 1 }, async (executor) => {
    const stuck = executor.map(tasks.square, {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: () => new Promise<never>(() => {}) }),
    });
    const next = stuck.next();
    await turn();
    assert.deepEqual(await inTime(stuck.return?.() as Promise<unknown>), { value: undefined, done: true });
    assert.deepEqual(await inTime(next), { value: undefined, done: true });
    const running = executor.map((item: number) => tasks.block(path, item), [1, 2, 3]);
    const first = running.next();
    await turn();
    await inTime(running.return?.() as Promise<unknown>);
    assert.deepEqual(await inTime(first), { value: undefined, done: true });
    open();
  });
});

executorTest("an item's error does not end map(): the next next() gives the next item [F-15]", () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const odd = (x: number) => {
      if (x % 2 === 1) throw new RangeError(`odd ${x}`);
      return x;
    };
    for (const chunkSize of [1, 2, 10]) {
      const results = executor.map(odd, Array(6).keys(), { chunkSize });
      const seen: unknown[] = [];
      for (let i = 0; i < 6; i++)
        seen.push(
          await inTime(results.next()).then(
            ({ value }) => value,
            (error: Error) => error.message,
          ),
        );
      assert.deepEqual(seen, [0, 'odd 1', 2, 'odd 3', 4, 'odd 5']);
      assert.deepEqual(await results.next(), { value: undefined, done: true });
    }
  }),
);

executorTest('an item that cannot be sent, either way, fails alone, also within a chunk [fault 46, 47]', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const bad = new WeakMap();
    for (const chunkSize of [1, 4]) {
      const inputs = executor.map(tasks.identity<unknown>, [1, bad, 3, bad], { chunkSize });
      const seen: unknown[] = [];
      for (let i = 0; i < 4; i++)
        seen.push(
          await inTime(inputs.next()).then(
            ({ value }) => value,
            (error: unknown) => error instanceof SerializationError,
          ),
        );
      assert.deepEqual(seen, [1, true, 3, true], `inputs, chunks of ${chunkSize}`);
      const outputs = executor.map((x: number) => (x % 2 === 0 ? new WeakMap() : x), [1, 2, 3, 4], { chunkSize });
      const outcome: unknown[] = [];
      for (let i = 0; i < 4; i++)
        outcome.push(
          await inTime(outputs.next()).then(
            ({ value }) => value as unknown,
            (error: unknown) => error instanceof SerializationError,
          ),
        );
      assert.deepEqual(outcome, [1, true, 3, true], `outputs, chunks of ${chunkSize}`);
    }
    const allBad = executor.map(tasks.identity<unknown>, [bad, bad], { chunkSize: 2 });
    for (let i = 0; i < 2; i++) assert.ok((await errorOf(allBad.next())) instanceof SerializationError);
    assert.equal((await allBad.next()).done, true);
  }),
);

executorTest('an error of the input surfaces after the results of everything before it, once', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    function* fails(): Generator<number> {
      yield* [0, 1, 2, 3, 4];
      throw new Error('input');
    }
    async function* failsLater(): AsyncGenerator<number> {
      yield* fails();
    }
    for (const chunkSize of [1, 3]) {
      for (const make of [fails, failsLater]) {
        const { items, state } = counter();
        const results = executor.map((a: number, b: number) => a * b, make(), items, { chunkSize });
        const seen: unknown[] = [];
        for (let i = 0; i < 5; i++) seen.push((await inTime(results.next())).value);
        assert.deepEqual(seen, squares(5));
        assert.equal((await errorOf(results.next())).message, 'input');
        assert.deepEqual(await results.next(), { value: undefined, done: true });
        assert.equal(state.closed, true);
      }
    }
  }),
);

executorTest(
  'map() with a timeout rejects with TimeoutError when the whole call takes longer, also if only the input is slow [F-15]',
  (t) => {
    const { path, open } = gate(t);
    return withExecutor({ maxWorkers: 1 }, async (executor) => {
      await executor.submit(tasks.square, 1);
      const slow = executor.map((item: number) => (item === 1 ? tasks.block(path, item) : item), Array(5).keys(), {
        timeout: 2500,
      });
      assert.deepEqual(await slow.next(), { value: 0, done: false });
      assert.ok((await errorOf(slow.next())) instanceof TimeoutError);
      assert.deepEqual(await slow.next(), { value: undefined, done: true });
      open();
      const state = { closed: false };
      const silent = executor.map(
        tasks.square,
        {
          [Symbol.asyncIterator]: () => ({
            next: () => new Promise<never>(() => {}),
            return: () => {
              state.closed = true;
              return Promise.resolve({ value: undefined, done: true as const });
            },
          }),
        },
        { timeout: 50 },
      );
      assert.ok((await errorOf(silent.next())) instanceof TimeoutError);
      assert.equal(state.closed, true);
      assert.deepEqual(await collect(executor.map(tasks.square, [1, 2], { timeout: 2 ** 40 })), [1, 4]);
      assert.deepEqual(await collect(executor.map(tasks.square, [1, 2], { timeout: Number.POSITIVE_INFINITY })), [1, 4]);
    });
  },
);

executorTest('map() with a taskTimeout ends the one item that takes longer, with its worker', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const run = (x: number) => {
      if (x === 2) for (;;);
      return x;
    };
    const results = executor.map(run, Array(5).keys(), { taskTimeout: 2000, chunkSize: 5 });
    const seen: unknown[] = [];
    for (let i = 0; i < 5; i++)
      seen.push(
        await inTime(results.next()).then(
          ({ value }) => value,
          (error: unknown) => error instanceof TimeoutError,
        ),
      );
    assert.deepEqual(seen, [0, 1, true, 3, 4]);
  }),
);

executorTest('an abort ends map(): next() rejects once with CancelledError, running items are killed, inputs closed', (t) => {
  const file = `${scratch(t)}/notes`;
  return withExecutor({ maxWorkers: 1, onWorkerDeath: 'replace' }, async (executor) => {
    const pid = await executor.submit(tasks.pid);
    const reason = new Error('enough');
    const controller = new AbortController();
    const { items, state } = counter();
    const results = executor.map((x: number) => (x === 1 && tasks.note(file, 'one') === 'one' ? tasks.busy() : x), items, {
      signal: controller.signal,
    });
    assert.deepEqual(await inTime(results.next()), { value: 0, done: false });
    const next = results.next();
    await until(() => notes(file).length === 1, 'the beginning of item 1');
    controller.abort(reason);
    const error = await errorOf(next);
    assert.ok(error instanceof CancelledError);
    assert.equal(error.cause, reason);
    assert.deepEqual(await results.next(), { value: undefined, done: true });
    assert.equal(state.closed, true);
    await until(() => !isAlive(pid), 'the end of the busy worker');
    const aborted = executor.options({ signal: AbortSignal.abort(reason) }).map(tasks.square, counter().items);
    assert.ok((await errorOf(aborted.next())) instanceof CancelledError);
    assert.equal(await inTime(executor.submit(tasks.square, 3)), 9);
  });
});

executorTest('map() tells its progress after each chunk, with the total where it is known', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const progress = async (run: (onProgress: (done: number, total: number | undefined) => void) => AsyncIterable<number>) => {
      const seen: unknown[] = [];
      await collect(run((done, total) => void seen.push([done, total])));
      return seen;
    };
    assert.deepEqual(await progress((onProgress) => executor.map(tasks.square, [1, 2, 3, 4, 5], { chunkSize: 2, onProgress })), [
      [2, 5],
      [4, 5],
      [5, 5],
    ]);
    assert.deepEqual(
      await progress((onProgress) => executor.map((a: number, b: number) => a + b, [1, 2, 3], new Set([1, 2]), { onProgress })),
      [
        [1, 2],
        [2, 2],
      ],
    );
    assert.deepEqual(await progress((onProgress) => executor.map(tasks.square, counter(2).items, { onProgress })), [
      [1, undefined],
      [2, undefined],
    ]);
  }),
);

executorTest('several calls of next() at once are answered in order, each with its own item', () =>
  withExecutor({ maxWorkers: 2 }, async (executor) => {
    const results = executor.map(
      tasks.later<number>,
      Array(20).keys(),
      Array.from({ length: 20 }, (_, i) => (20 - i) % 7),
    );
    const all = await inTime(Promise.all(Array.from({ length: 25 }, () => results.next())));
    assert.deepEqual(
      all.slice(0, 20).map(({ value }) => value as number),
      [...Array(20).keys()],
    );
    assert.ok(all.slice(20).every(({ done }) => done));
  }),
);

executorTest(
  'map() goes on after the shutdown of its executor with what was submitted, then rejects with ClosedError [F-16]',
  async () => {
    await withExecutor({ maxWorkers: 1 }, async (executor) => {
      async function* ticking(): AsyncGenerator<number> {
        for (let i = 0; ; i++) {
          await turn();
          yield i;
        }
      }
      for (const items of [counter().items, ticking()]) void items;
      const sync = executor.map(tasks.square, counter().items, { bufferSize: 2 });
      const asynchronous = executor.map(tasks.square, ticking(), { bufferSize: 2 });
      assert.equal((await inTime(sync.next())).value, 0);
      assert.equal((await inTime(asynchronous.next())).value, 0);
      const shutdown = executor.shutdown();
      for (const results of [sync, asynchronous]) {
        let error: unknown;
        let expected = 1;
        while (error === undefined) {
          await inTime(results.next()).then(
            ({ value }) => assert.equal(value, (expected++) ** 2),
            (each: unknown) => (error = each),
          );
        }
        assert.ok(error instanceof ClosedError);
        assert.deepEqual(await results.next(), { value: undefined, done: true });
      }
      await inTime(shutdown);
      assert.throws(() => executor.map(tasks.square, [1]), ClosedError);
    });
  },
);

executorTest('map() waits instead of failing above maxPending, and many at once share it', () =>
  withExecutor({ maxWorkers: 2, maxPending: 2 }, async (executor) => {
    const maps = Array.from({ length: 3 }, () => collect(executor.map(tasks.square, Array(40).keys())));
    for (const results of await inTime(Promise.all(maps), 'three maps with maxPending 2')) assert.deepEqual(results, squares(40));
  }),
);

executorTest('map() captures the values of a closure once, at the call; workers forget it afterwards', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    let factor = 2;
    const results = executor.map((x: number) => x * factor, [1, 2, 3], { bufferSize: 1 });
    factor = 100;
    assert.deepEqual(await inTime(collect(results)), [2, 4, 6]);
    for (let i = 0; i < 50; i++)
      assert.deepEqual(await inTime(collect(executor.map((x: number) => x + i, [1, 2]))), [1 + i, 2 + i]);
  }),
);

executorTest('map() throws at once on what is no function, no iterable or no option', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const map = executor.map.bind(executor) as (...args: unknown[]) => unknown;
    assert.throws(() => map('f', [1]), TypeError);
    assert.throws(() => map(tasks.square), TypeError);
    assert.throws(() => map(tasks.square, {}), TypeError);
    assert.throws(() => map(tasks.square, [1], 5), TypeError);
    assert.throws(() => map(tasks.square, 5, [1]), TypeError);
    for (const name of ['chunkSize', 'bufferSize']) {
      for (const value of [0, -1, 1.5, Number.NaN]) assert.throws(() => map(tasks.square, [1], { [name]: value }), RangeError);
      assert.throws(() => map(tasks.square, [1], { [name]: '3' }), TypeError);
    }
    for (const name of ['timeout', 'taskTimeout']) {
      assert.throws(() => map(tasks.square, [1], { [name]: Number.NaN }), RangeError);
      assert.throws(() => map(tasks.square, [1], { [name]: '5' }), TypeError);
    }
    assert.throws(() => map(tasks.square, [1], { onProgress: 5 }), TypeError);
    assert.throws(() => map(tasks.square, [1], { signal: {} }), TypeError);
    assert.equal(await executor.submit(tasks.square, 2), 4);
  }),
);
