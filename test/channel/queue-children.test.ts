/**
 * What Python's tests say of queues, with every kind of child.
 */
import assert from 'node:assert/strict';
import {
  ClosedError,
  Event,
  InvalidStateError,
  JoinableQueue,
  Queue,
  QueueEmptyError,
  QueueFullError,
  SerializationError,
  SimpleQueue,
  TimeoutError,
} from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';

const LONG_MS = 60_000;

eachKind(
  'every way of putting, until the queue is full and a child empties it  [_TestQueue.test_put] [Q-03] [Q-09]',
  async (kind, t) => {
    const queue = new Queue<number>(6);
    const [mayStart, isEmpty] = [new Event(), new Event()];
    const child = await startChild(
      kind,
      t,
      (source: Queue<number>, go: Event, done: Event) => {
        go.waitSync();
        const taken = Array.from({ length: 6 }, () => source.getSync());
        done.set();
        return taken;
      },
      [queue, mayStart, isEmpty],
    );
    assert.deepEqual([queue.empty(), queue.full()], [true, false]);
    await queue.put(1);
    await queue.put(2, LONG_MS);
    queue.putSync(3);
    queue.putSync(4, LONG_MS);
    assert.equal(queue.tryPut(5), true);
    queue.putNowait(6);
    assert.deepEqual([queue.empty(), queue.full()], [false, true]);
    await assert.rejects(queue.put(7, 0), TimeoutError);
    await assert.rejects(queue.put(7, 20), TimeoutError);
    assert.throws(() => queue.putSync(7, 0), TimeoutError);
    assert.throws(() => queue.putSync(7, 20), TimeoutError);
    assert.throws(() => queue.putNowait(7), QueueFullError);
    assert.equal(queue.tryPut(7), false);
    mayStart.set();
    await isEmpty.wait(LONG_MS);
    assert.deepEqual([queue.empty(), queue.full()], [true, false]);
    assert.deepEqual(await child.result(), [1, 2, 3, 4, 5, 6]);
  },
);

eachKind('every way of getting, until nothing is left  [_TestQueue.test_get] [Q-05] [Q-06]', async (kind, t) => {
  const queue = new Queue<number>();
  const [mayStart, isFilled] = [new Event(), new Event()];
  await startChild(
    kind,
    t,
    async (sink: Queue<number>, go: Event, done: Event) => {
      await go.wait();
      for (const item of [2, 3, 4, 5, 6, 7]) await sink.put(item);
      done.set();
    },
    [queue, mayStart, isFilled],
  );
  assert.equal(queue.empty(), true);
  mayStart.set();
  await isFilled.wait(LONG_MS);
  assert.equal(queue.empty(), false);
  assert.equal(await queue.get(), 2);
  assert.equal(await queue.get(LONG_MS), 3);
  assert.equal(queue.getSync(), 4);
  assert.equal(queue.getSync(0), 5);
  assert.deepEqual(queue.tryGet(), { value: 6 });
  assert.equal(queue.getNowait(), 7);
  assert.equal(queue.empty(), true);
  await assert.rejects(queue.get(0), TimeoutError);
  await assert.rejects(queue.get(20), TimeoutError);
  assert.throws(() => queue.getSync(0), TimeoutError);
  assert.throws(() => queue.getSync(20), TimeoutError);
  assert.throws(() => queue.getNowait(), QueueEmptyError);
  assert.equal(queue.tryGet(), null);
});

eachKind(
  'what was put before a child starts is there for it, before what it puts  [_TestQueue.test_fork] [Q-10]',
  async (kind, t) => {
    const queue = new Queue<number>();
    for (let i = 0; i < 10; i++) queue.putSync(i);
    const child = await startChild(
      kind,
      t,
      (sink: Queue<number>) => {
        for (let i = 10; i < 20; i++) sink.putSync(i);
      },
      [queue],
    );
    await child.join();
    for (let i = 0; i < 20; i++) assert.equal(await queue.get(LONG_MS), i);
    assert.throws(() => queue.getNowait(), QueueEmptyError);
  },
);

eachKind('qsize() is exact, here and there, after each call  [_TestQueue.test_qsize] [Q-07]', async (kind, t) => {
  const queue = new Queue<string>();
  const turns = new SimpleQueue<number | null>();
  const sizes = new SimpleQueue<number[]>();
  const child = await startChild(
    kind,
    t,
    (both: Queue<string>, commands: SimpleQueue<number | null>, answers: SimpleQueue<number[]>) => {
      for (let count = commands.getSync(); count !== null; count = commands.getSync()) {
        const seen = [both.qsize()];
        for (let i = 0; i < Math.abs(count); i++) {
          if (count > 0) both.putSync('x'.repeat(i * 1000));
          else both.getSync();
          seen.push(both.qsize());
        }
        answers.putSync(seen);
      }
    },
    [queue, turns, sizes],
  );
  let size = 0;
  assert.equal(queue.qsize(), 0);
  for (const step of [3, -1, 40, -42, 1, -1]) {
    await turns.put(step);
    const sign = Math.sign(step);
    assert.deepEqual(
      await sizes.get(),
      Array.from({ length: Math.abs(step) + 1 }, (_, i) => size + sign * i),
    );
    size += step;
    assert.equal(queue.qsize(), size);
    queue.putSync('mine');
    assert.equal(queue.qsize(), size + 1);
    queue.getSync();
    assert.equal(queue.stats().size, size);
  }
  await turns.put(null);
  await child.join();
  assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
});

eachKind(
  'join() returns when four children have done everything  [_TestQueue.test_task_done] [Q-18] [Q-19] [Q-20]',
  async (kind, t) => {
    const queue = new JoinableQueue<number | null>();
    await queue.put(-1);
    await assert.rejects(queue.join(0), TimeoutError);
    assert.throws(() => queue.joinSync(5), TimeoutError);
    const children = await Promise.all(
      Array.from({ length: 4 }, () =>
        startChild(
          kind,
          t,
          async (source: JoinableQueue<number | null>) => {
            let done = 0;
            for (let item = await source.get(); item !== null; item = await source.get()) {
              done++;
              source.taskDone();
            }
            source.taskDone();
            return done;
          },
          [queue],
        ),
      ),
    );
    for (let i = 0; i < 10; i++) await queue.put(i);
    await queue.join(LONG_MS);
    assert.equal(queue.qsize(), 0);
    assert.throws(() => queue.taskDone(), InvalidStateError);
    for (const _ of children) await queue.put(null);
    const done = await Promise.all(children.map((child) => child.result()));
    assert.equal(
      done.reduce((sum, each) => sum + each, 0),
      11,
    );
    queue.joinSync(LONG_MS);
  },
);

eachKind('a get ends with its time limit, not before  [_TestQueue.test_timeout]', async (kind, t) => {
  const child = await startChild(
    kind,
    t,
    async (queue: Queue<number>) => {
      const waits: number[] = [];
      for (const wait of [() => queue.get(200), async () => queue.getSync(200)]) {
        const start = performance.now();
        const error: unknown = await wait().catch((reason: unknown) => reason);
        waits.push(error instanceof Error && error.name === 'TimeoutError' ? performance.now() - start : -1);
      }
      return waits;
    },
    [new Queue<number>()],
  );
  for (const waited of await child.result()) assert.ok(waited >= 198, `${waited} ms`);
});

eachKind(
  'what cannot be sent is thrown at who puts it, and the next item arrives  [_TestQueue.test_queue_feeder_donot_stop_onexc] [_TestQueue.test_queue_feeder_on_queue_feeder_error] [Q-17]',
  async (kind, t) => {
    const queue = new Queue<unknown>(1);
    const child = await startChild(
      kind,
      t,
      async (sink: Queue<unknown>) => {
        const reason = new Error('I will not travel');
        const unwilling = {
          get inner(): never {
            throw reason;
          },
        };
        const seen: string[] = [];
        for (const put of [
          () => sink.put(unwilling),
          async () => sink.putSync(unwilling),
          async () => void sink.tryPut(unwilling),
        ]) {
          const error = (await put().catch((thrown: unknown) => thrown)) as Error;
          seen.push(`${error.name}: ${(error.cause as Error | undefined)?.message ?? error.message}`);
        }
        const promised = (await sink
          .put([{ later: Promise.resolve() }])
          .catch((thrown: unknown) => thrown)) as SerializationError;
        seen.push(`${promised.name} at ${promised.path}`);
        // There is one place, and none of these took it.
        sink.putNowait('good');
        return seen;
      },
      [queue],
    );
    assert.equal(await queue.get(LONG_MS), 'good');
    const seen = await child.result();
    for (const text of seen.slice(0, 3)) assert.match(text, /I will not travel/);
    assert.equal(seen[3], 'SerializationError at value[0].later');
  },
);

eachKind('what is put is written at once: later changes do not travel  [Q-03]', async (kind, t) => {
  const queue = new Queue<{ list: number[]; bytes: Buffer }>(1);
  const item = { list: [1, 2, 3], bytes: Buffer.alloc(100_000, 1) };
  await queue.put(item);
  item.list.push(4);
  item.bytes.fill(2);
  const waiting = queue.put(item);
  item.list.push(5);
  item.bytes.fill(3);
  const child = await startChild(
    kind,
    t,
    async (source: typeof queue) => {
      const items = [await source.get(), await source.get()];
      return items.map(({ list, bytes }) => [list.length, bytes[0], bytes[99_999]]);
    },
    [queue],
  );
  await waiting;
  assert.deepEqual(await child.result(), [
    [3, 1, 1],
    [4, 2, 2],
  ]);
});

const callsOf = (queue: Queue<number>): (() => unknown)[] => [
  () => queue.empty(),
  () => queue.full(),
  () => queue.qsize(),
  () => queue.stats(),
  () => queue.putSync(1),
  () => queue.tryPut(1),
  () => queue.putNowait(1),
  () => queue.getSync(),
  () => queue.tryGet(),
  () => queue.getNowait(),
  () => queue.shutdown(),
];

eachKind(
  'closed here, a queue says so at every call; there it goes on  [_TestQueue.test_closed_queue_empty_exceptions] [_TestQueue.test_closed_queue_put_get_exceptions] [Q-08] [Q-11] [Q-12]',
  async (kind, t) => {
    for (const queue of [new Queue<number>(), new JoinableQueue<number>()]) {
      const closed = new Event();
      const child = await startChild(
        kind,
        t,
        async (source: Queue<number>, go: Event) => {
          await go.wait();
          await source.put(2);
          return [source.qsize(), await source.get(), source.getSync()];
        },
        [queue, closed],
      );
      assert.equal(queue.empty(), true);
      await queue.put(1);
      queue.close();
      queue.close();
      queue.cancelJoinThread();
      await queue.joinThread();
      for (const call of callsOf(queue)) assert.throws(call, ClosedError, String(call));
      await assert.rejects(queue.put(1), ClosedError);
      await assert.rejects(queue.get(), ClosedError);
      await assert.rejects(async () => {
        for await (const _ of queue);
      }, ClosedError);
      if (queue instanceof JoinableQueue) {
        assert.throws(() => queue.taskDone(), ClosedError);
        assert.throws(() => queue.joinSync(), ClosedError);
        await assert.rejects(queue.join(), ClosedError);
      }
      closed.set();
      assert.deepEqual(await child.result(), [2, 1, 2]);
    }
  },
);

eachKind('shutdown() ends iteration, waiting gets and waiting puts everywhere  [Q-16]', async (kind, t) => {
  const [work, full] = [new Queue<number>(), new Queue<number>(1)];
  const ready = new SimpleQueue<string>();
  const iterate = async (source: Queue<number>, tell: SimpleQueue<string>) => {
    const seen: number[] = [];
    await tell.put('iterates');
    for await (const item of source) seen.push(item);
    return seen;
  };
  const getUntilItEnds = (source: Queue<number>, tell: SimpleQueue<string>) => {
    const seen: number[] = [];
    tell.putSync('gets');
    try {
      for (;;) seen.push(source.getSync());
    } catch (error) {
      if ((error as Error).name === 'QueueShutDownError') return seen;
      throw error;
    }
  };
  const putUntilItEnds = (sink: Queue<number>, tell: SimpleQueue<string>) => {
    sink.putSync(0);
    tell.putSync('puts');
    try {
      sink.putSync(1);
      return [];
    } catch (error) {
      return [(error as Error).name === 'QueueShutDownError' ? 1 : 0];
    }
  };
  const takers = [await startChild(kind, t, iterate, [work, ready]), await startChild(kind, t, getUntilItEnds, [work, ready])];
  const putter = await startChild(kind, t, putUntilItEnds, [full, ready]);
  for (let i = 0; i < 3; i++) await ready.get();
  const mine = iterate(work, ready);
  for (let i = 0; i < 30; i++) work.putSync(i);
  work.shutdown();
  full.shutdown({ immediate: true });
  const seen = [await mine, ...(await Promise.all(takers.map((taker) => taker.result())))];
  assert.deepEqual(
    seen.flat().sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, i) => i),
  );
  assert.deepEqual(await putter.result(), [1]);
  assert.equal(full.qsize(), 0);
  ready.close();
});

eachKind('a child that has put may end at once: join() waits for no reader, and nothing is lost  [Q-14]', async (kind, t) => {
  const queue = new Queue<Buffer>();
  const child = await startChild(
    kind,
    t,
    (sink: Queue<Buffer>) => {
      for (let i = 0; i < 40; i++) sink.putSync(Buffer.alloc(250_000 + i, i));
      void sink.put(Buffer.alloc(1, 40));
    },
    [queue],
  );
  await child.join();
  assert.equal(queue.qsize(), 41);
  for (let i = 0; i < 41; i++) {
    const item = await queue.get(LONG_MS);
    assert.equal(item.length, i === 40 ? 1 : 250_000 + i);
    assert.ok(item.every((byte) => byte === i));
  }
  assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
});

eachKind(
  'a process that ends in the middle of its work leaves what it has put  [Q-14] [Q-15]',
  async (kind, t) => {
    for (const end of ['exit', 'kill'] as const) {
      const queue = new Queue<number>();
      const child = await startChild(
        kind,
        t,
        (sink: Queue<number>, how: 'exit' | 'kill') => {
          for (let i = 0; i < 1000; i++) sink.putSync(i);
          if (how === 'exit') process.exit(3);
          process.kill(process.pid, 'SIGKILL');
        },
        [queue, end],
      );
      await child.join().catch(() => undefined);
      for (let i = 0; i < 1000; i++) assert.equal(queue.getSync(LONG_MS), i);
      assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
    }
  },
  (kind) => kind.separate,
);

eachKind('SimpleQueue: a child empties and fills it  [TestSimpleQueue.test_empty] [Q-21] [Q-22]', async (kind, t) => {
  const queue = new SimpleQueue<number>();
  const [mayStart, hasPut] = [new Event(), new Event()];
  await startChild(
    kind,
    t,
    async (both: SimpleQueue<number>, go: Event, done: Event) => {
      await go.wait();
      both.putSync((await both.get()) + both.getSync());
      await both.put(4);
      done.set();
    },
    [queue, mayStart, hasPut],
  );
  assert.equal(queue.empty(), true);
  await queue.put(1);
  queue.putSync(2);
  assert.equal(queue.empty(), false);
  mayStart.set();
  await hasPut.wait(LONG_MS);
  assert.equal(queue.empty(), false);
  assert.equal(await queue.get(), 3);
  assert.equal(queue.getSync(), 4);
  assert.equal(queue.empty(), true);
  await assert.rejects(queue.put(Symbol('no') as never), SerializationError);
  assert.equal(queue.empty(), true);
});

eachKind(
  'SimpleQueue: closed here, it says so at every call; there it goes on  [TestSimpleQueue.test_empty_exceptions] [TestSimpleQueue.test_close] [TestSimpleQueue.test_closed]',
  async (kind, t) => {
    const queue = new SimpleQueue<string>();
    const closed = new Event();
    const child = await startChild(
      kind,
      t,
      async (source: SimpleQueue<string>, go: Event) => {
        await go.wait();
        return [source.empty(), source.getSync(), source.empty()];
      },
      [queue, closed],
    );
    const pending = queue.get();
    await queue.put('first');
    assert.equal(await pending, 'first');
    const ended = queue.get();
    queue.putSync('second');
    assert.equal(await ended, 'second');
    queue.putSync('third');
    queue.close();
    queue.close();
    assert.throws(() => queue.empty(), ClosedError);
    assert.throws(() => queue.putSync(''), ClosedError);
    assert.throws(() => queue.getSync(), ClosedError);
    await assert.rejects(queue.put(''), ClosedError);
    await assert.rejects(queue.get(), ClosedError);
    closed.set();
    assert.deepEqual(await child.result(), [false, 'third', true]);
  },
);
