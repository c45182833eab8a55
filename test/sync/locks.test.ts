/**
 * Locks and semaphores with every kind of child: what Python's tests of them ask for, and what ours promise beyond.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedSemaphore, Event, Lock, LockOwnerDiedError, ProcessError, RLock, Semaphore, TimeoutError } from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, inChild, startChild } from '../support/kinds.js';

const DEADLINE_MS = 60_000;
const isNotOwner = (error: unknown) => error instanceof ProcessError && error.code === 'ERR_MP_NOT_OWNER';
const isOverRelease = (error: unknown) => error instanceof ProcessError && error.code === 'ERR_MP_OVER_RELEASE';

/** How a function fails: the name of its error and its code. */
async function failureOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    const { name, code } = error as Error & { code?: string };
    return code === undefined ? name : `${name} ${code}`;
  }
  return 'none';
}

eachKind('a lock is held by one, and released once, by its owner  [_TestLock.test_lock] [Y-01] [Y-02]', async (kind, t) => {
  const lock = new Lock();
  assert.equal(await lock.acquire(), lock);
  assert.equal(lock.tryAcquire(), false);
  const there = await inChild(
    kind,
    t,
    async (held: Lock) => [
      held.tryAcquire(),
      await failureOf(() => held.acquire(0)),
      await failureOf(() => held.acquireSync(1)),
      await failureOf(() => held.release()),
    ],
    lock,
  );
  assert.deepEqual(there, [false, 'TimeoutError ERR_MP_TIMEOUT', 'TimeoutError ERR_MP_TIMEOUT', 'ProcessError ERR_MP_NOT_OWNER']);
  lock.release();
  assert.throws(() => lock.release(), isNotOwner);
  assert.equal(await inChild(kind, t, (free: Lock) => free.runSync(() => free.locked()), lock), true);
  assert.equal(lock.acquireSync(), lock);
  lock.release();
});

for (const { name, make, ids } of [
  { name: 'a lock', make: () => new Lock(), ids: '[_TestLock.test_lock_locked_2processes] [Y-03]' },
  { name: 'an RLock', make: () => new RLock(), ids: '[_TestLock.test_rlock_locked_2processes] [Y-07]' },
])
  eachKind(`${name} that a child holds is seen as locked here, until the child has released it  ${ids}`, async (kind, t) => {
    const lock = make();
    const [held, wanted] = [new Event(), new Event()];
    assert.equal(lock.locked(), false);
    const child = await startChild(
      kind,
      t,
      async (own: Lock | RLock, isHeld: Event, isWanted: Event) => {
        await own.acquire();
        isHeld.set();
        await isWanted.wait();
        own.release();
        return own.locked();
      },
      [lock, held, wanted],
    );
    await withDeadline(held.wait(), DEADLINE_MS, 'the child holds it');
    assert.equal(lock.locked(), true);
    assert.equal(lock.tryAcquire(), false);
    await assert.rejects(lock.acquire(1), TimeoutError);
    assert.throws(() => lock.release(), isNotOwner);
    wanted.set();
    assert.equal(await withDeadline(child.result(), DEADLINE_MS, 'the child released it'), false);
    assert.equal(lock.locked(), false);
    assert.equal(lock.tryAcquire(), true);
    lock.release();
  });

eachKind('an RLock is taken as often as its owner likes  [_TestLock.test_rlock] [Y-07]', async (kind, t) => {
  const lock = new RLock();
  for (const take of [() => lock.acquire(), () => lock.acquireSync(), () => lock.tryAcquire()]) assert.ok(await take());
  const probe = async (held: RLock) => [held.tryAcquire(), await failureOf(() => held.release())];
  for (let depth = 3; depth > 0; depth--) {
    assert.deepEqual(await inChild(kind, t, probe, lock), [false, 'ProcessError ERR_MP_NOT_OWNER']);
    lock.release();
  }
  assert.throws(() => lock.release(), isNotOwner);
  const again = (free: RLock) => free.runSync(() => free.runSync(() => free.tryAcquire() && free.locked()));
  // Its child ends while it holds it once too often.
  await inChild(kind, t, again, lock);
  await withDeadline(assert.rejects(lock.acquire(), LockOwnerDiedError), DEADLINE_MS, 'the child is gone');
  await lock.recover();
  lock.release();
});

eachKind('two flows of a child exclude each other, a nested run enters  [Y-07]', async (kind, t) => {
  const most = await inChild(
    kind,
    t,
    async (lock: RLock) => {
      let inside = 0;
      let seen = 0;
      const flow = () =>
        lock.run(async () => {
          seen = Math.max(seen, ++inside);
          await lock.run(() => new Promise((resolve) => setImmediate(resolve)));
          inside--;
        });
      await Promise.all([flow(), flow(), flow()]);
      return seen;
    },
    new RLock(),
  );
  assert.equal(most, 1);
});

for (const { name, make, id } of [
  { name: 'a lock', make: () => new Lock(), id: '[_TestLock.test_lock_context]' },
  { name: 'an RLock', make: () => new RLock(), id: '[_TestLock.test_rlock_context]' },
])
  eachKind(`${name} is released at the end of its block, however it ends  ${id} [Y-04]`, async (kind, t) => {
    const lock = make();
    const inBlock = async (own: Lock | RLock, fail: boolean) => {
      using held = await own.acquire();
      if (fail) throw new RangeError('within');
      return held.locked();
    };
    assert.equal(await inChild(kind, t, inBlock, lock, false), true);
    assert.equal(lock.locked(), false);
    await assert.rejects(inChild(kind, t, inBlock, lock, true), RangeError);
    assert.equal(lock.locked(), false);
    await assert.rejects(inBlock(lock, true), RangeError);
    assert.equal(await inBlock(lock, false), true);
    assert.equal(lock.locked(), false);
  });

for (const { name, make, ids } of [
  { name: 'a semaphore', make: () => new Semaphore(2), ids: '[_TestSemaphore.test_semaphore] [Y-08] [Y-09] [Y-10] [Y-11]' },
  { name: 'a bounded semaphore', make: () => new BoundedSemaphore(2), ids: '[_TestSemaphore.test_bounded_semaphore] [Y-12]' },
])
  eachKind(`${name} counts the permits of all  ${ids}`, async (kind, t) => {
    const semaphore: Semaphore = make();
    const [taken, wanted] = [new Event(), new Event()];
    assert.equal(semaphore.getValue(), 2);
    const child = await startChild(
      kind,
      t,
      async (own: Semaphore, isTaken: Event, isWanted: Event) => {
        const same = (await own.acquire()) === own;
        isTaken.set();
        await isWanted.wait();
        own.release();
        return same;
      },
      [semaphore, taken, wanted],
    );
    await withDeadline(taken.wait(), DEADLINE_MS, 'the child has one');
    assert.equal(semaphore.getValue(), 1);
    assert.equal(await semaphore.acquire(), semaphore);
    assert.equal(semaphore.getValue(), 0);
    assert.equal(semaphore.locked(), true);
    assert.equal(semaphore.tryAcquire(), false);
    wanted.set();
    assert.equal(await withDeadline(child.result(), DEADLINE_MS, 'the child has released'), true);
    assert.equal(semaphore.getValue(), 1);
    semaphore.release();
    assert.equal(semaphore.getValue(), 2);
    if (semaphore instanceof BoundedSemaphore) {
      assert.throws(() => semaphore.release(), isOverRelease);
      assert.equal(
        await inChild(kind, t, (own: Semaphore) => failureOf(() => own.release()), semaphore),
        'ProcessError ERR_MP_OVER_RELEASE',
      );
      assert.equal(semaphore.getValue(), 2);
    } else {
      await inChild(kind, t, (own: Semaphore) => own.release(), semaphore);
      semaphore.release(2);
      assert.equal(semaphore.getValue(), 5);
    }
  });

eachKind(
  'a semaphore without permits is waited for as long as was said  [_TestSemaphore.test_timeout] [Y-09]',
  async (kind, t) => {
    const semaphore = new Semaphore(0);
    const probe = async (own: Semaphore) => {
      const begun = performance.now();
      const failures = [own.tryAcquire(), await failureOf(() => own.acquire(0)), await failureOf(() => own.acquireSync(0))];
      failures.push(await failureOf(() => own.acquire(30)), await failureOf(() => own.acquireSync({ timeout: 30 })));
      return { failures, waited: performance.now() - begun >= 58 };
    };
    const late = 'TimeoutError ERR_MP_TIMEOUT';
    const expected = { failures: [false, late, late, late, late], waited: true };
    assert.deepEqual(await probe(semaphore), expected);
    assert.deepEqual(await inChild(kind, t, probe, semaphore), expected);
    const child = await startChild(kind, t, (own: Semaphore) => own.acquire({ timeout: 60_000 }).then(() => 'taken'), [
      semaphore,
    ]);
    semaphore.release();
    assert.equal(await withDeadline(child.result(), DEADLINE_MS, 'the permit is taken'), 'taken');
  },
);

eachKind('async waits in every child and here take turns at one lock, none is lost', async (kind, t) => {
  const lock = new Lock();
  const count = async (own: Lock) => {
    let inside = 0;
    let overlaps = 0;
    const turn = async () => {
      await own.acquire();
      overlaps += inside++;
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      own.release();
    };
    await Promise.all(Array.from({ length: 50 }, turn));
    return overlaps;
  };
  const blocking = (own: Lock) => {
    for (let turn = 0; turn < 50; turn++) own.runSync(() => undefined);
    return 0;
  };
  const children = [await startChild(kind, t, count, [lock]), await startChild(kind, t, blocking, [lock])];
  const overlaps = await withDeadline(
    Promise.all([count(lock), ...children.map((child) => child.result())]),
    DEADLINE_MS,
    'turns',
  );
  assert.deepEqual(overlaps, [0, 0, 0]);
  assert.equal(lock.locked(), false);
});

test('a flow that acquires an RLock more often than it releases it holds it no longer than its run, which says so', async () => {
  const lock = new RLock();
  const refusal = (times: string) => ({
    name: 'InvalidStateError',
    message: `Cannot end RLock.run() with the lock held: it was acquired ${times} more than released within it`,
  });
  await assert.rejects(
    lock.run(() => lock.acquire()),
    refusal('once'),
  );
  assert.equal(lock.locked(), false);
  await assert.rejects(
    lock.run(async () => {
      await lock.run(() => lock.acquireSync()); // of the same flow, which goes on
      lock.release();
      await lock.run(() => lock.acquire());
      lock.acquireSync().acquireSync();
    }),
    refusal('3 times'),
  );
  assert.equal(lock.locked(), false);
  const own = new RangeError('of its own');
  await assert.rejects(
    lock.run(() => {
      lock.acquireSync();
      throw own;
    }),
    (error) => error === own,
  );
  assert.equal(lock.locked(), false);
  await lock.acquire(); // the thread goes on after a run: what that acquires is the thread's
  await lock.run(() => lock.acquire());
  lock.release();
  assert.equal(lock.locked(), true);
  lock.release();
  assert.equal(lock.locked(), false);
  assert.equal(await lock.run(() => lock.acquireSync().release()), undefined);
});
