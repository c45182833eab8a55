/**
 * Queue, JoinableQueue and SimpleQueue in one process and across processes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ClosedError,
  Event,
  InvalidStateError,
  JoinableQueue,
  Lock,
  MessageTooLargeError,
  Process,
  ProcessPoolExecutor,
  Queue,
  QueueEmptyError,
  QueueFullError,
  QueueShutDownError,
  SerializationError,
  SimpleQueue,
  TimeoutError,
} from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { always } from '../support/properties.js';

/** The family, and the inspector that reads closures, live as long as this process. */
const warmUp = async () => {
  const lock = new Lock();
  const process = new Process({ target: () => lock.locked() });
  await process.start();
  await process.join();
};
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp });

test('a queue behaves as a bounded list, whatever the order of calls  [_TestQueue]', () => {
  const step = fc.oneof(
    fc.record({ act: fc.constant('put' as const), bytes: fc.integer({ min: 0, max: 90_000 }) }),
    fc.record({ act: fc.constant('get' as const), bytes: fc.constant(0) }),
  );
  always(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.array(step, { maxLength: 60 }), (maxSize, steps) => {
      const queue = new Queue<{ number: number; text: string }>(maxSize);
      const model: number[] = [];
      steps.forEach(({ act, bytes }, number) => {
        if (act === 'put') {
          const fits = maxSize === 0 || model.length < maxSize;
          assert.equal(queue.tryPut({ number, text: 'x'.repeat(bytes) }), fits);
          if (fits) model.push(number);
        } else {
          const expected = model.shift();
          assert.equal(queue.tryGet()?.value.number, expected);
        }
        assert.equal(queue.qsize(), model.length);
        assert.equal(queue.empty(), model.length === 0);
        assert.equal(queue.full(), maxSize > 0 && model.length >= maxSize);
      });
      for (const number of model) assert.equal(queue.getSync().number, number);
      assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
      queue.close();
    }),
    60,
  );
});

test(
  'Queue.get() and put() wait, and their limits end them  [_TestQueue.test_timeout] [Queue.put]',
  clean(async () => {
    const queue = new Queue<string>(1);
    const got = queue.get();
    const next = queue.get(60_000);
    await queue.put('first');
    assert.equal(await got, 'first');
    await queue.put('second');
    assert.equal(await next, 'second');
    await assert.rejects(queue.get(5), TimeoutError);
    await assert.rejects(queue.get({ timeout: 0 }), TimeoutError);
    assert.throws(() => queue.getSync(5), TimeoutError);
    assert.throws(() => queue.getNowait(), QueueEmptyError);
    assert.equal(queue.tryGet(), null);
    await queue.put('full');
    await assert.rejects(queue.put('late', 5), TimeoutError);
    assert.throws(() => queue.putSync('late', 5), TimeoutError);
    assert.throws(() => queue.putNowait('late'), QueueFullError);
    assert.equal(queue.tryPut('late'), false);
    const waiting = queue.put('after', { signal: AbortSignal.timeout(60_000) });
    assert.equal(queue.getSync(), 'full');
    await waiting;
    assert.equal(await queue.get(), 'after');
    const abort = new AbortController();
    const aborted = queue.get({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    await assert.rejects(queue.get({ signal: abort.signal }), /enough/);
    assert.equal(queue.qsize(), 0);
  }),
);

test('Queue.put() throws at the caller what cannot be sent, and puts nothing  [_TestQueue.test_queue_feeder_donot_stop_onexc]', async () => {
  const queue = new Queue<unknown>(0, { maxBytes: 100_000 });
  await assert.rejects(
    queue.put({ promise: Promise.resolve() }),
    (error) => error instanceof SerializationError && error.path === 'value.promise',
  );
  assert.throws(() => queue.putSync(new WeakMap()), SerializationError);
  assert.throws(() => queue.tryPut('x'.repeat(200_000)), MessageTooLargeError);
  assert.equal(queue.qsize(), 0);
  assert.throws(() => new Queue('3' as never), TypeError);
  assert.throws(() => new Queue(1.5), RangeError);
  assert.throws(() => new Queue(2 ** 40), RangeError);
  assert.throws(() => new Queue(0, { maxBytes: 0 }), RangeError);
  assert.throws(() => new Queue(0, null as never), { name: 'TypeError', message: /^Cannot create a queue: the options/ });
  for (const options of [null, 5, { immediate: 'yes' }])
    assert.throws(() => queue.shutdown(options as never), { name: 'TypeError', message: /^Cannot shut down/ });
});

test('maxBytes holds puts back; an item of its own is always taken', async () => {
  const queue = new Queue<Uint8Array>(0, { maxBytes: 100_000 });
  await queue.put(new Uint8Array(60_000));
  assert.equal(queue.tryPut(new Uint8Array(60_000)), false);
  const waiting = queue.put(new Uint8Array(90_000));
  assert.equal((await queue.get()).length, 60_000);
  await waiting;
  assert.equal((await queue.get()).length, 90_000);
});

test('after close() the queue throws ClosedError here, and pending waits end  [_TestQueue.test_closed_queue_put_get_exceptions]', async () => {
  const queue = new Queue<number>();
  const pending = queue.get();
  queue.close();
  await assert.rejects(pending, ClosedError);
  await assert.rejects(queue.get(), ClosedError);
  await assert.rejects(queue.put(1), ClosedError);
  assert.throws(() => queue.tryGet(), ClosedError);
  queue.close();
});

test(
  'shutdown() lets consumers empty the queue and ends their iteration everywhere; immediate throws items away  [Queue.shutdown]',
  clean(async () => {
    const queue = new Queue<number>();
    const consumer = new Process({
      target: async (source: Queue<number>) => {
        const seen: number[] = [];
        for await (const item of source) seen.push(item);
        return seen;
      },
      args: [queue],
    });
    await consumer.start();
    for (let i = 0; i < 50; i++) await queue.put(i);
    queue.shutdown();
    await assert.rejects(queue.put(51), QueueShutDownError);
    assert.deepEqual(
      await consumer.result(),
      Array.from({ length: 50 }, (_, i) => i),
    );
    await assert.rejects(queue.get(), QueueShutDownError);
    const other = new JoinableQueue<number>(2);
    await other.put(1);
    await other.put(2);
    const full = other.put(3);
    other.shutdown({ immediate: true });
    await assert.rejects(full, QueueShutDownError);
    assert.throws(() => other.getSync(), QueueShutDownError);
    assert.equal(other.qsize(), 0);
    await other.join();
  }),
);

test(
  'JoinableQueue.join() waits until everything is done  [_TestQueue.test_task_done]',
  clean(async () => {
    const queue = new JoinableQueue<number>();
    assert.throws(() => queue.taskDone(), InvalidStateError);
    await queue.join();
    const workers = [1, 2].map(
      () =>
        new Process({
          target: (source: JoinableQueue<number>) => {
            for (let item = source.getSync(); item >= 0; item = source.getSync()) source.taskDone();
            source.taskDone();
          },
          args: [queue],
        }),
    );
    await Promise.all(workers.map((worker) => worker.start()));
    for (let i = 0; i < 100; i++) await queue.put(i);
    await queue.join();
    assert.equal(queue.qsize(), 0);
    await queue.put(-1);
    await queue.put(-1);
    await Promise.all(workers.map((worker) => worker.join()));
    queue.joinSync(1000);
    assert.throws(() => queue.taskDone(), InvalidStateError);
  }),
);

test(
  'class instances, functions, locks and queues travel through a queue, both ways',
  clean(async () => {
    class Fancy {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
      greet(): string {
        return `Hello, ${this.name}`;
      }
    }
    const requests = new Queue<unknown>();
    const child = new Process({
      target: async (source: Queue<unknown>) => {
        const fancy = (await source.get()) as { greet(): string };
        const add = (await source.get()) as (a: number) => number;
        const answers = (await source.get()) as Queue<unknown>;
        const lock = (await source.get()) as Lock;
        await answers.put([fancy.greet(), add(1), lock.tryAcquire(), fancy]);
        lock.release();
      },
      args: [requests],
    });
    await child.start();
    const base = 41;
    const answers = new Queue<[string, number, boolean, Fancy]>();
    await requests.put(new Fancy('Dan'));
    await requests.put((a: number) => a + base);
    await requests.put(answers);
    await requests.put(new Lock());
    const [greeting, sum, taken, fancy] = await answers.get();
    assert.deepEqual([greeting, sum, taken], ['Hello, Dan', 42, true]);
    assert.ok(fancy instanceof Fancy);
    await child.join();
  }),
);

test(
  'what a process has put is there after its end, and join() does not wait for a reader  [gh: join with a full queue]',
  clean(async () => {
    const queue = new Queue<Uint8Array>();
    const producer = new Process({
      target: (sink: Queue<Uint8Array>) => {
        for (let i = 0; i < 20; i++) sink.putSync(new Uint8Array(1_000_000).fill(i));
        process.exit(0);
      },
      args: [queue],
    });
    await producer.start();
    await producer.join();
    assert.equal(queue.qsize(), 20);
    for (let i = 0; i < 20; i++) assert.equal((await queue.get())[999_999], i);
  }),
);

test(
  'many producers and consumers, in event loops and in blocking code: everything arrives once, in the order of its producer',
  clean(async () => {
    const queue = new Queue<[number, number]>(50);
    const results = new Queue<[number, number][]>();
    const perProducer = 400;
    const producers = [0, 1, 2].map(
      (id) =>
        new Process({
          target: async (isBlocking: boolean) => {
            for (let i = 0; i < perProducer; i++) {
              if (isBlocking) queue.putSync([id, i]);
              else await queue.put([id, i]);
            }
          },
          args: [id === 0],
        }),
    );
    const consumers = [true, false].map(
      (isBlocking) =>
        new Process({
          target: async (blocking: boolean) => {
            const seen: [number, number][] = [];
            for (;;) {
              const item = blocking ? queue.getSync() : await queue.get();
              if (item[0] < 0) break;
              seen.push(item);
            }
            await results.put(seen);
          },
          args: [isBlocking],
        }),
    );
    await Promise.all([...producers, ...consumers].map((each) => each.start()));
    await Promise.all(producers.map((producer) => producer.join()));
    for (const _ of consumers) await queue.put([-1, 0]);
    const seen = [await results.get(), await results.get()];
    await Promise.all(consumers.map((consumer) => consumer.join()));
    for (const list of seen) {
      for (const id of [0, 1, 2]) {
        const numbers = list.filter(([producer]) => producer === id).map(([, number]) => number);
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        );
      }
    }
    assert.deepEqual(
      seen
        .flat()
        .map(([id, number]) => id * perProducer + number)
        .sort((a, b) => a - b),
      Array.from({ length: 3 * perProducer }, (_, i) => i),
    );
  }),
);

test(
  'a consumer killed with an item in hand loses that item only, and it is counted; a waiting one loses nothing',
  clean(async () => {
    const queue = new Queue<number>();
    const ready = new Event();
    const waiter = new Process({
      target: () => {
        ready.set();
        queue.getSync();
      },
    });
    await waiter.start();
    await ready.wait();
    waiter.kill();
    await waiter.join();
    await queue.put(7);
    assert.equal(await queue.get(), 7);
    assert.equal(queue.stats().lost, 0);
  }),
);

test(
  'SimpleQueue: put and get, also of what is larger than its stock  [TestSimpleQueue]',
  clean(async () => {
    const queue = new SimpleQueue<Buffer>();
    assert.equal(queue.empty(), true);
    const producer = new Process({
      target: async (sink: SimpleQueue<Buffer>) => {
        for (let i = 0; i < 3; i++) await sink.put(Buffer.alloc(5_000_000, i));
      },
      args: [queue],
    });
    await producer.start();
    for (let i = 0; i < 3; i++) {
      const item = await queue.get();
      assert.equal(item.length, 5_000_000);
      assert.equal(item[4_999_999], i);
    }
    await producer.join();
    assert.equal(queue.empty(), true);
    queue.close();
    await assert.rejects(queue.get(), ClosedError);
  }),
);

test(
  'queues reach the workers of an executor',
  clean(async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
    const queue = new Queue<number>();
    await Promise.all(
      [1, 2, 3].map((n) => executor.submit((sink: Queue<number>, value: number) => sink.putSync(value), queue, n)),
    );
    assert.deepEqual([await queue.get(), await queue.get(), await queue.get()].sort(), [1, 2, 3]);
    await executor.shutdown();
  }),
);
