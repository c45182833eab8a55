/**
 * Synchronisation objects across processes: as arguments, captured, in results; while they are waited for in event loops
 * and in blocked threads at once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  Lock,
  LockOwnerDiedError,
  Process,
  ProcessDiedError,
  ProcessPoolExecutor,
  RLock,
  Semaphore,
} from 'multiproc';
import { leavesNothing } from '../support/census.js';

/** The family, and the inspector that reads closures, live as long as this process. */
const warmUp = async () => {
  const lock = new Lock();
  const process = new Process({ target: () => lock.locked() });
  await process.start();
  await process.join();
};
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp });

test(
  'a lock is the same object when it comes back, as argument, captured and within a value',
  clean(async () => {
    const lock = new Lock();
    const rlock = new RLock();
    const process = new Process({
      target: (argument: { locks: Lock[] }) => ({ same: argument.locks[0] === lock, back: [argument.locks[0], rlock] }),
      args: [{ locks: [lock] }],
    });
    await process.start();
    const { same, back } = await process.result();
    assert.equal(same, true);
    assert.equal(back[0], lock);
    assert.equal(back[1], rlock);
  }),
);

test(
  'event loops and blocked threads wait for the same objects',
  clean(async () => {
    const [first, event, semaphore, barrier, condition] = [
      new Lock(),
      new Event(),
      new Semaphore(0),
      new Barrier(3),
      new Condition(),
    ];
    const waiting = new Semaphore(0);
    const looping = new Process({
      target: async () => {
        await first.acquire();
        first.release();
        await event.wait();
        await semaphore.acquire();
        const index = await barrier.wait();
        const notified = await condition.run(() => {
          waiting.release();
          return condition.wait();
        });
        return { index, notified };
      },
    });
    const blocking = new Process({
      target: () => {
        first.runSync(() => undefined);
        event.waitSync();
        semaphore.acquireSync();
        const index = barrier.waitSync();
        const notified = condition.runSync(() => {
          waiting.release();
          return condition.waitSync();
        });
        return { index, notified };
      },
    });
    await first.acquire();
    await Promise.all([looping.start(), blocking.start()]);
    first.release();
    event.set();
    semaphore.release(2);
    const own = await barrier.wait();
    await waiting.acquire();
    await waiting.acquire();
    await condition.run(() => condition.notify(2));
    const results = await Promise.all([looping.result(), blocking.result()]);
    assert.deepEqual([own, ...results.map(({ index }) => index)].sort(), [0, 1, 2]);
    assert.deepEqual(
      results.map(({ notified }) => notified),
      [true, true],
    );
  }),
);

test(
  'a lock whose owner was killed is poisoned for all until somebody recovers it',
  clean(async () => {
    const lock = new Lock();
    const ready = new Event();
    const owner = new Process({
      target: () => {
        lock.acquireSync();
        ready.set();
        return new Promise(() => setInterval(() => undefined, 1000));
      },
    });
    await owner.start();
    await ready.wait();
    const waits = [lock.acquire(), lock.acquire()];
    const refused = Promise.all(
      waits.map((wait) => assert.rejects(wait, (error) => error instanceof LockOwnerDiedError && error.pid === owner.pid)),
    );
    assert.equal(lock.tryAcquire(), false);
    process.kill(owner.pid as number, 'SIGKILL');
    await assert.rejects(owner.join(), ProcessDiedError);
    await refused;
    assert.throws(() => lock.tryAcquire(), LockOwnerDiedError);
    assert.throws(() => lock.acquireSync(), LockOwnerDiedError);
    await lock.recover();
    lock.release();
    await lock.run(() => undefined);
  }),
);

test(
  'permits of the dead come back to a BoundedSemaphore, and parties learn that one died',
  clean(async () => {
    const semaphore = new BoundedSemaphore(2);
    const barrier = new Barrier(2);
    const ready = new Event();
    const victim = new Process({
      target: async () => {
        await semaphore.acquire();
        await semaphore.acquire();
        const wait = barrier.wait();
        ready.set();
        await wait;
      },
    });
    await victim.start();
    await ready.wait();
    const waits = [semaphore.acquire(), semaphore.acquire()];
    victim.kill();
    await Promise.all(waits);
    assert.equal(semaphore.getValue(), 0);
    await victim.join();
    assert.equal(barrier.broken, true);
    barrier.reset();
    assert.equal(barrier.broken, false);
  }),
);

test(
  'shared objects reach the workers of an executor, and come back in results',
  clean(async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 2 });
    const lock = new Lock();
    const made = await executor.submit(() => new Semaphore(3));
    assert.equal(made.getValue(), 3);
    const values = await Promise.all(
      [1, 2, 3].map((number) =>
        executor.submit(
          async (semaphore: Semaphore, n: number) => {
            await lock.run(() => semaphore.release());
            return n;
          },
          made,
          number,
        ),
      ),
    );
    assert.deepEqual(values, [1, 2, 3]);
    assert.equal(made.getValue(), 6);
    await executor.shutdown();
  }),
);

test(
  'more event loops wait for one event than it has cells for',
  clean(async () => {
    const event = new Event();
    const waiting = new Semaphore(0);
    const waiters = Array.from(
      { length: 32 },
      () =>
        new Process({
          target: async () => {
            const wait = event.wait();
            waiting.release();
            await wait;
            return true;
          },
        }),
    );
    await Promise.all(waiters.map((waiter) => waiter.start()));
    for (const _ of waiters) await waiting.acquire();
    event.set();
    assert.ok((await Promise.all(waiters.map((waiter) => waiter.result()))).every(Boolean));
  }),
);
