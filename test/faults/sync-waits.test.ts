/**
 * A process that is killed at any step of a condition, an event or a barrier: those that live go on, or hear of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Barrier, BrokenBarrierError, Condition, Event, Lock, RLock, Semaphore } from 'multiproc';
import { begin, until } from '../fixtures/substrate/starting.js';
import { blocked, clean, killed, killedAt, looping, type Point, resultsOf, victimOf } from './sync-points.js';

/** Waits for a notification, blocking; says how that ended. */
function waitFor(isWaiting: Semaphore, condition: Condition): string {
  try {
    return condition.runSync(() => {
      isWaiting.release();
      return `notified ${condition.waitSync()}`;
    });
  } catch (error) {
    return (error as Error).name;
  }
}

/** As `waitFor`, in the event loop. */
async function waitForLater(isWaiting: Semaphore, condition: Condition): Promise<string> {
  try {
    return await condition.run(async () => {
      const wait = condition.wait();
      isWaiting.release();
      return `notified ${await wait}`;
    });
  } catch (error) {
    return (error as Error).name;
  }
}

const NOTIFIED = 'notified true';
const POISONED = 'LockOwnerDiedError';
const notify = (condition: Condition): void => condition.runSync(() => condition.notify());

for (const { name, make } of [
  { name: 'Condition of a Lock', make: () => new Condition(new Lock()) },
  { name: 'Condition of an RLock', make: () => new Condition(new RLock()) },
]) {
  test(
    `${name}: a waiter killed before it gave the lock up poisons it, and all that wait hear of it  [Y-14] [faults 12, 14]`,
    clean(async () => {
      const condition = make();
      const living = [await blocked(waitFor, [condition]), await looping(waitForLater, [condition])];
      await killed(await victimOf('condition.afterSequence', waitFor, [new Semaphore(0), condition]));
      assert.deepEqual(await resultsOf(living), [POISONED, POISONED]);
      await condition.recover();
      condition.notifyAll();
      condition.release();
      assert.equal(await condition.run(() => condition.wait(1)), false);
    }),
  );

  for (const point of ['waiter.beforeSleep', 'point.afterCell'] as const)
    test(
      `${name}: a waiter killed at ${point} gets no notification  [Y-16] [fault 14]`,
      clean(async () => {
        const condition = make();
        const wait: (isWaiting: Semaphore, own: Condition) => unknown = point === 'waiter.beforeSleep' ? waitFor : waitForLater;
        await killed(await victimOf(point, wait, [new Semaphore(0), condition]));
        const living = [await blocked(waitFor, [condition]), await looping(waitForLater, [condition])];
        notify(condition);
        notify(condition);
        assert.deepEqual(await resultsOf(living), [NOTIFIED, NOTIFIED]);
      }),
    );

  for (const [point, how] of [
    ['waiter.afterWake', blocked],
    ['condition.afterServed', blocked],
    ['condition.afterServed', looping],
  ] as const)
    test(
      `${name}: a ${how.name} waiter killed at ${point} leaves its notification to another  [Y-16] [fault 14]`,
      clean(async () => {
        const condition = make();
        const wait: (isWaiting: Semaphore, own: Condition) => unknown = how === blocked ? waitFor : waitForLater;
        // They are notified in turn, and the turn begins with the second.
        const living = [await blocked(waitFor, [condition])];
        const victim = await how(wait, [condition], `${point}:kill`);
        living.push(await looping(waitForLater, [condition]));
        notify(condition);
        await killed(victim);
        notify(condition);
        assert.deepEqual(await resultsOf(living), [NOTIFIED, NOTIFIED]);
        assert.equal(await condition.run(() => condition.wait(1)), false);
      }),
    );
}

for (const point of ['condition.afterNotify', 'point.beforeWake', 'point.beforeRing'] as const) {
  test(
    `a notifier killed at ${point} poisons the lock that it held; all that wait hear of it  [Y-16] [faults 12, 14]`,
    clean(async () => {
      const condition = new Condition();
      const living = [await blocked(waitFor, [condition]), await looping(waitForLater, [condition])];
      await killedAt(point, () => victimOf(point, notify, [condition]), living);
      assert.deepEqual(await resultsOf(living), [POISONED, POISONED]);
      await condition.recover();
      condition.release();
      assert.equal(await condition.run(() => condition.wait(1)), false);
    }),
  );

  test(
    `a notifier killed at ${point} has notified, where its lock goes on  [Y-16] [faults 10, 14]`,
    clean(async () => {
      const condition = new Condition(new Lock({ onOwnerDeath: 'continue' }));
      const living = [await blocked(waitFor, [condition]), await looping(waitForLater, [condition])];
      const notifyAll = (own: Condition): void => own.runSync(() => own.notifyAll());
      await killedAt(point, () => victimOf(point, notifyAll, [condition]), living);
      // One count of a cell may have been changed, or both: the death of the notifier is no reason to notify more.
      await condition.run(() => condition.notifyAll());
      assert.deepEqual(await resultsOf(living), [NOTIFIED, NOTIFIED]);
    }),
  );
}

/** Waits for an event, blocking. */
const waitSet = (isWaiting: Semaphore, event: Event): string => {
  isWaiting.release();
  event.waitSync();
  return 'set';
};
/** As `waitSet`, in the event loop. */
const waitSetLater = async (isWaiting: Semaphore, event: Event): Promise<string> => {
  const wait = event.wait();
  isWaiting.release();
  await wait;
  return 'set';
};

for (const [point, wait] of [
  ['waiter.beforeSleep', waitSet],
  ['waiter.afterWake', waitSet],
  ['point.afterCell', waitSetLater],
] as const)
  test(
    `Event: a waiter killed at ${point} changes nothing, also for a pulse  [Y-17] [fault 14]`,
    clean(async () => {
      const event = new Event();
      const target: (isWaiting: Semaphore, own: Event) => unknown = wait;
      let victim: Parameters<typeof killed>[0];
      if (point === 'waiter.afterWake') victim = await blocked(target, [event], `${point}:kill`);
      else victim = await victimOf(point, target, [new Semaphore(0), event]);
      const living = [await blocked(waitSet, [event]), await looping(waitSetLater, [event])];
      event.set();
      event.clear();
      await killed(victim);
      assert.deepEqual(await resultsOf(living), ['set', 'set']);
    }),
  );

/** Passes a barrier, blocking; says how that ended. */
function pass(isWaiting: Semaphore, barrier: Barrier, timeout?: number): string {
  isWaiting.release();
  try {
    barrier.waitSync(timeout);
    return 'passed';
  } catch (error) {
    return (error as Error).name;
  }
}
/** As `pass`, in the event loop. */
async function passLater(isWaiting: Semaphore, barrier: Barrier): Promise<string> {
  const wait = barrier.wait();
  isWaiting.release();
  try {
    await wait;
    return 'passed';
  } catch (error) {
    return (error as Error).name;
  }
}

const PASSED = 'passed';
const BROKEN = 'BrokenBarrierError';
const partiesOf = async (barrier: Barrier) => [await blocked(pass, [barrier]), await looping(passLater, [barrier])];

/** It can be passed afterwards, after a reset if it is broken. */
async function assertWhole(barrier: Barrier, isBroken: boolean): Promise<void> {
  assert.equal(barrier.broken, isBroken);
  if (isBroken) {
    await assert.rejects(barrier.wait(), BrokenBarrierError);
    barrier.reset();
  }
  const numbers = Array.from({ length: barrier.parties }, (_, number) => number);
  assert.deepEqual(await Promise.all(numbers.map(() => barrier.wait())), numbers);
  assert.equal(barrier.nWaiting, 0);
}

const lastParty: [Point, string][] = [
  ['barrier.beforeArrival', BROKEN],
  ['barrier.beforeLast', BROKEN],
  ['barrier.beforeWake', PASSED],
  ['point.beforeWake', PASSED],
  ['point.beforeRing', PASSED],
  ['barrier.beforeLeft', PASSED],
];
for (const [point, outcome] of lastParty)
  test(
    `Barrier: the last party killed at ${point}: the others ${outcome === PASSED ? 'pass' : 'hear of it'}  [Y-19] [fault 15]`,
    clean(async () => {
      const barrier = new Barrier(3);
      const living = await partiesOf(barrier);
      const last = (own: Barrier): void => void own.waitSync();
      await killedAt(point, () => victimOf(point, last, [barrier]), living);
      assert.deepEqual(await resultsOf(living), [outcome, outcome]);
      await assertWhole(barrier, outcome === BROKEN);
    }),
  );

for (const point of ['waiter.beforeSleep', 'point.afterCell'] as const)
  test(
    `Barrier: a party killed at ${point} breaks it for the others  [Y-19] [fault 15]`,
    clean(async () => {
      const barrier = new Barrier(4);
      const living = await partiesOf(barrier);
      const wait: (own: Barrier) => unknown =
        point === 'waiter.beforeSleep' ? (own) => own.waitSync() : async (own) => await own.wait();
      await killed(await victimOf(point, wait, [barrier]));
      assert.deepEqual(await resultsOf(living), [BROKEN, BROKEN]);
      await assertWhole(barrier, true);
    }),
  );

test(
  'Barrier: a party killed after it was woken has passed  [Y-19] [fault 15]',
  clean(async () => {
    const barrier = new Barrier(4);
    const victim = await blocked(pass, [barrier], 'waiter.afterWake:kill');
    const living = await partiesOf(barrier);
    assert.equal(barrier.waitSync(), 3);
    await killed(victim);
    assert.deepEqual(await resultsOf(living), [PASSED, PASSED]);
    assert.equal(barrier.broken, false);
  }),
);

for (const { name, point, isBroken, act } of [
  { name: 'a reset', point: 'barrier.beforeReset', isBroken: false, act: (own: Barrier) => own.reset() },
  { name: 'a reset', point: 'barrier.beforeWake', isBroken: false, act: (own: Barrier) => own.reset() },
  { name: 'an abort', point: 'barrier.afterBreak', isBroken: true, act: (own: Barrier) => own.abort() },
  { name: 'an abort', point: 'point.beforeWake', isBroken: true, act: (own: Barrier) => own.abort() },
] as const)
  test(
    `Barrier: ${name} killed at ${point} has freed those that wait  [Y-21] [Y-22] [fault 15]`,
    clean(async () => {
      const barrier = new Barrier(3);
      const living = await partiesOf(barrier);
      await killed(await victimOf(point, act, [barrier]));
      assert.deepEqual(await resultsOf(living), [BROKEN, BROKEN]);
      await assertWhole(barrier, isBroken);
    }),
  );

test(
  'Barrier: a party whose time ran out and that is killed at barrier.afterBreak has broken it  [Y-19] [fault 15]',
  clean(async () => {
    const barrier = new Barrier(3);
    const living = [await looping(passLater, [barrier])];
    const late = (own: Barrier): void => void own.waitSync(1);
    await killed(await victimOf('barrier.afterBreak', late, [barrier]));
    assert.deepEqual(await resultsOf(living), [BROKEN]);
    await assertWhole(barrier, true);
  }),
);

test(
  'Barrier: a stopped party is not dead; the others wait for it  [fault 84]',
  clean(async () => {
    const barrier = new Barrier(3);
    const stopped = await begin((own: Barrier) => own.wait(), [barrier]);
    await until(() => barrier.nWaiting === 1, 'it waits');
    process.kill(stopped.pid as number, 'SIGSTOP');
    const living = [await looping(passLater, [barrier])];
    assert.equal(barrier.broken, false);
    const own = barrier.wait();
    assert.deepEqual(await resultsOf(living), [PASSED]);
    await own;
    process.kill(stopped.pid as number, 'SIGCONT');
    assert.equal(await stopped.result(), 0);
  }),
);
