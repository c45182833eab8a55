/**
 * Synchronisation objects within one thread: order, limits, errors. The Python test and its ledger row are in the titles.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Condition,
  Event,
  InvalidStateError,
  Lock,
  ProcessError,
  RLock,
  Semaphore,
  TimeoutError,
} from 'multiproc';

const isNotOwner = (error: unknown) => error instanceof ProcessError && error.code === 'ERR_MP_NOT_OWNER';
const isOverRelease = (error: unknown) => error instanceof ProcessError && error.code === 'ERR_MP_OVER_RELEASE';

test('a lock is taken once, and released only by its owner  [_TestLock.test_lock]', async () => {
  const lock = new Lock();
  await lock.acquire();
  assert.equal(lock.tryAcquire(), false);
  await assert.rejects(lock.acquire(0), TimeoutError);
  assert.throws(() => lock.acquireSync(0), TimeoutError);
  assert.throws(() => lock.acquireSync(), InvalidStateError);
  assert.throws(() => lock.acquireSync(Number.POSITIVE_INFINITY), InvalidStateError);
  assert.equal(lock.locked(), true);
  lock.release();
  assert.equal(lock.locked(), false);
  assert.throws(() => lock.release(), isNotOwner);
});

test('a thousand waits of one event loop are served in their order', async () => {
  const lock = new Lock();
  await lock.acquire();
  const served: number[] = [];
  const waits = Array.from({ length: 1000 }, async (_, number) => {
    await lock.acquire();
    served.push(number);
    lock.release();
  });
  lock.release();
  await Promise.all(waits);
  assert.deepEqual(
    served,
    Array.from({ length: 1000 }, (_, number) => number),
  );
});

test('an abort ends a wait, and takes nothing from those behind it', async () => {
  const lock = new Lock();
  await assert.rejects(lock.acquire({ signal: AbortSignal.abort(new Error('before')) }), /before/);
  await lock.acquire({ timeout: Number.POSITIVE_INFINITY });
  const controller = new AbortController();
  const aborted = assert.rejects(lock.acquire({ signal: controller.signal }), /during/);
  const next = lock.acquire();
  controller.abort(new Error('during'));
  await aborted;
  lock.release();
  await next;
  lock.release();
});

test('run() releases however it ends', async () => {
  for (const lock of [new Lock(), new RLock(), new Semaphore(), new Condition()]) {
    await assert.rejects(
      lock.run(() => Promise.reject(new Error('within'))),
      /within/,
    );
    assert.throws(
      () =>
        lock.runSync(() => {
          throw new Error('within');
        }),
      /within/,
    );
    assert.equal(lock.locked(), false);
  }
});

test('an RLock is entered again by its owner and excludes other flows  [_TestLock.test_rlock]', async () => {
  const lock = new RLock();
  await lock.acquire();
  assert.equal(lock.tryAcquire(), true);
  lock.release();
  lock.release();
  assert.throws(() => lock.release(), isNotOwner);
  let inside = 0;
  const flow = () =>
    lock.run(async () => {
      assert.equal(++inside, 1);
      await lock.run(() => new Promise((resolve) => setImmediate(resolve)));
      inside--;
    });
  await Promise.all([flow(), flow(), flow()]);
  assert.equal(lock.locked(), false);
});

test('a semaphore counts; anybody may release  [_TestSemaphore.test_semaphore, test_timeout]', async () => {
  const semaphore = new Semaphore(2);
  await semaphore.acquire();
  semaphore.acquireSync();
  assert.equal(semaphore.tryAcquire(), false);
  await assert.rejects(semaphore.acquire(1), TimeoutError);
  semaphore.release(3);
  assert.equal(semaphore.getValue(), 3);
  assert.throws(() => semaphore.release(0), RangeError);
  assert.throws(() => new Semaphore(-1), RangeError);
  assert.throws(() => new Semaphore(1.5), RangeError);
});

test('a bounded semaphore refuses more permits than it began with  [_TestSemaphore.test_bounded_semaphore]', () => {
  const semaphore = new BoundedSemaphore(2);
  assert.throws(() => semaphore.release(), isOverRelease);
  assert.equal(semaphore.tryAcquire(), true);
  assert.throws(() => semaphore.release(2), isOverRelease);
  semaphore.release();
  assert.equal(semaphore.getValue(), 2);
});

test('a condition notifies as many as asked  [_TestCondition.test_notify, test_notify_n, test_notify_all, test_timeout]', async () => {
  const condition = new Condition(new Lock());
  assert.throws(() => condition.notify(), isNotOwner);
  await assert.rejects(condition.wait(), isNotOwner);
  let awake = 0;
  const waits = Array.from({ length: 6 }, () =>
    condition.run(async () => {
      assert.equal(await condition.wait(), true);
      awake++;
    }),
  );
  await condition.run(() => condition.notify(2));
  await Promise.all(waits.slice(0, 2));
  assert.equal(awake, 2);
  await condition.run(() => condition.notifyAll());
  await Promise.all(waits);
  assert.equal(awake, 6);
  assert.equal(await condition.run(() => condition.wait(1)), false);
  assert.equal(await condition.run(() => condition.waitFor(() => false, 1)), false);
  assert.equal(
    condition.runSync(() => condition.waitForSync(() => 7)),
    7,
  );
});

test('an event that is cleared at once has woken all who waited  [_TestEvent.test_event]', async () => {
  const event = new Event();
  await assert.rejects(event.wait(1), TimeoutError);
  assert.throws(() => event.waitSync(0), TimeoutError);
  const waits = [event.wait(), event.wait()];
  event.set();
  event.clear();
  await Promise.all(waits);
  assert.equal(event.isSet(), false);
  event.set();
  event.waitSync();
});

test('a barrier is passed together, again and again  [_TestBarrier.test_barrier, test_action, test_wait_return]', async () => {
  let actions = 0;
  const barrier = new Barrier(3, { action: () => void actions++ });
  for (let round = 1; round <= 100; round++) {
    assert.deepEqual(await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]), [0, 1, 2]);
    assert.equal(actions, round);
  }
});

test('a barrier breaks and is made whole  [_TestBarrier.test_abort, test_reset, test_timeout, test_single_thread]', async () => {
  const barrier = new Barrier(2);
  await assert.rejects(barrier.wait(1), BrokenBarrierError);
  assert.equal(barrier.broken, true);
  await assert.rejects(barrier.wait(), BrokenBarrierError);
  barrier.reset();
  const reset = assert.rejects(barrier.wait(), BrokenBarrierError);
  barrier.reset();
  await reset;
  assert.equal(barrier.broken, false);
  const aborted = assert.rejects(barrier.wait(), BrokenBarrierError);
  barrier.abort();
  await aborted;
  barrier.reset();
  assert.deepEqual(await Promise.all([barrier.wait(), barrier.wait()]), [0, 1]);
  assert.equal(new Barrier(1).waitSync(), 0);
  assert.throws(() => new Barrier(0), RangeError);
});
