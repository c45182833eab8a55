/**
 * A process that is killed at any step of a lock or a semaphore: the others get it, or hear of the death; nobody is stranded.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedSemaphore, Event, Lock, RLock, Semaphore } from 'multiproc';
import { begin, until } from '../fixtures/substrate/starting.js';
import { blocked, clean, killed, killedAt, looping, NO_SLICES, type Point, resultsOf, victimOf } from './sync-points.js';

type AnyLock = Lock | RLock;

/** Takes and releases it, blocking; says how that ended. */
function take(isWaiting: Semaphore, lock: AnyLock): string {
  isWaiting.release();
  try {
    lock.acquireSync();
    lock.release();
    return 'taken';
  } catch (error) {
    return (error as Error).name;
  }
}

/** As `take`, in the event loop. */
async function takeLater(isWaiting: Semaphore, lock: AnyLock): Promise<string> {
  const wait = lock.acquire();
  isWaiting.release();
  try {
    await wait;
    lock.release();
    return 'taken';
  } catch (error) {
    return (error as Error).name;
  }
}

const TAKEN = 'taken';
const POISONED = 'LockOwnerDiedError';

/** What becomes of the lock afterwards; it ends free and whole. */
async function assertThen(lock: AnyLock, outcome: string): Promise<void> {
  const spare = new Semaphore(0);
  assert.equal(take(spare, lock), outcome);
  assert.equal(await takeLater(spare, lock), outcome);
  await lock.recover();
  lock.release();
  assert.equal(take(spare, lock), TAKEN);
}

for (const { name, make } of [
  { name: 'Lock', make: () => new Lock() },
  { name: 'RLock', make: () => new RLock() },
]) {
  const acquiring: [Point, string][] = [
    ['waiter.afterWake', TAKEN],
    ['lock.beforeCas', TAKEN],
    ['lock.afterCas', POISONED],
  ];
  for (const [point, outcome] of acquiring)
    test(
      `${name}: a blocked acquire killed at ${point} leaves it ${outcome === TAKEN ? 'free' : 'poisoned'}  [Y-06] [faults 11, 12]`,
      clean(async () => {
        const lock = make();
        lock.acquireSync();
        const victim = await blocked(take, [lock], `${point}:kill`);
        const living = await blocked(take, [lock]);
        lock.release();
        await killed(victim);
        assert.deepEqual(await resultsOf([living]), [outcome]);
        await assertThen(lock, outcome);
      }),
    );

  test(
    `${name}: an acquire killed at lock.beforeSleep changes nothing  [fault 11]`,
    clean(async () => {
      const lock = make();
      lock.acquireSync();
      await killed(await victimOf('lock.beforeSleep', take, [new Semaphore(0), lock]));
      const living = [await blocked(take, [lock]), await looping(takeLater, [lock])];
      lock.release();
      assert.deepEqual(await resultsOf(living), [TAKEN, TAKEN]);
      await assertThen(lock, TAKEN);
    }),
  );

  for (const point of ['lock.afterMark', 'point.afterCell'] as const)
    test(
      `${name}: an async acquire killed at ${point} changes nothing  [fault 11]`,
      clean(async () => {
        const lock = make();
        lock.acquireSync();
        const living = [await blocked(take, [lock]), await looping(takeLater, [lock])];
        // Marked is a lock only by the first that waits: here that is the victim.
        const other = make();
        other.acquireSync();
        await killed(await victimOf(point, takeLater, [new Semaphore(0), other]));
        await killed(await victimOf('point.afterCell', takeLater, [new Semaphore(0), lock]));
        living.push(await blocked(take, [other]), await looping(takeLater, [other]));
        lock.release();
        other.release();
        assert.deepEqual(await resultsOf(living), [TAKEN, TAKEN, TAKEN, TAKEN]);
        await assertThen(lock, TAKEN);
      }),
    );

  for (const [point, outcome] of acquiring.slice(1))
    test(
      `${name}: an async acquire killed at ${point} leaves it ${outcome === TAKEN ? 'free' : 'poisoned'}  [faults 11, 12]`,
      clean(async () => {
        const lock = make();
        lock.acquireSync();
        const victim = await looping(takeLater, [lock], `${point}:kill`);
        lock.release();
        await killed(victim);
        const spare = new Semaphore(0);
        const living = [await begin(take, [spare, lock], NO_SLICES), await begin(takeLater, [spare, lock], NO_SLICES)];
        assert.deepEqual(await resultsOf(living), [outcome, outcome]);
        await assertThen(lock, outcome);
      }),
    );

  const releasing: [Point, string][] = [
    ['lock.beforeRelease', POISONED],
    ['lock.afterRelease', TAKEN],
    ['point.beforeRing', TAKEN],
  ];
  for (const [point, outcome] of releasing)
    test(
      `${name}: a release killed at ${point} leaves it ${outcome === TAKEN ? 'released' : 'poisoned'}, and all that wait know  [faults 10, 12]`,
      clean(async () => {
        const lock = make();
        const go = new Event();
        const hold = (own: AnyLock, isWanted: Event): void => {
          own.acquireSync();
          isWanted.waitSync();
          own.release();
        };
        const victim = await victimOf(point, hold, [lock, go]);
        await until(() => lock.locked(), 'the victim holds it');
        const living = [await blocked(take, [lock]), await looping(takeLater, [lock])];
        go.set();
        await killed(victim);
        assert.deepEqual(await resultsOf(living), [outcome, outcome]);
        await assertThen(lock, outcome);
      }),
    );

  for (const point of ['lock.beforeCas', 'lock.afterCas'] as const)
    test(
      `${name}: a recover killed at ${point} leaves it poisoned  [fault 12]`,
      clean(async () => {
        const lock = make();
        const holder = await begin((own: AnyLock) => void own.acquireSync(), [lock]);
        await holder.join();
        const victim = await victimOf(point, (own: AnyLock) => void own.recoverSync(), [lock]);
        await killed(victim);
        await assertThen(lock, POISONED);
      }),
    );
}

test(
  'a lock with onOwnerDeath continue goes to those that wait when its owner is killed  [Y-06] [fault 12]',
  clean(async () => {
    const lock = new Lock({ onOwnerDeath: 'continue' });
    lock.acquireSync();
    const victim = await blocked(take, [lock], 'lock.afterCas:kill');
    const living = await blocked(take, [lock]);
    lock.release();
    await killed(victim);
    assert.deepEqual(await resultsOf([living]), [TAKEN]);
    assert.equal(take(new Semaphore(0), lock), TAKEN);
  }),
);

/** Takes a permit, blocking. */
const takePermit = (isWaiting: Semaphore, semaphore: Semaphore): string => {
  isWaiting.release();
  semaphore.acquireSync();
  return TAKEN;
};
/** Takes a permit in the event loop. */
const takePermitLater = async (isWaiting: Semaphore, semaphore: Semaphore): Promise<string> => {
  const wait = semaphore.acquire();
  isWaiting.release();
  await wait;
  return TAKEN;
};
/** Both wait and have a permit in the end. */
const permitWaiters = async (semaphore: Semaphore) => {
  return [await blocked(takePermit, [semaphore]), await looping(takePermitLater, [semaphore])];
};

/** Takes all permits: a release by this thread gives its own back. */
function emptied(semaphore: Semaphore): Semaphore {
  while (semaphore.tryAcquire());
  return semaphore;
}

for (const { name, make, returns } of [
  { name: 'Semaphore', make: () => new Semaphore(0), returns: false },
  { name: 'Semaphore with returnOnDeath', make: () => emptied(new Semaphore(2, { returnOnDeath: true })), returns: true },
  { name: 'BoundedSemaphore', make: () => emptied(new BoundedSemaphore(2)), returns: true },
]) {
  test(
    `${name}: a blocked acquire killed at waiter.afterWake leaves its permit to another  [Y-09] [faults 11, 13]`,
    clean(async () => {
      const semaphore: Semaphore = make();
      const victim = await blocked(takePermit, [semaphore], 'waiter.afterWake:kill');
      const living = await permitWaiters(semaphore);
      semaphore.release();
      await killed(victim);
      semaphore.release();
      assert.deepEqual(await resultsOf(living), [TAKEN, TAKEN]);
      // Those that lived have ended with their permits.
      assert.equal(semaphore.getValue(), returns ? 2 : 0);
    }),
  );

  for (const point of ['waiter.beforeSleep', 'point.afterCell'] as const)
    test(
      `${name}: an acquire killed at ${point} changes nothing  [faults 11, 13]`,
      clean(async () => {
        const semaphore: Semaphore = make();
        const wait: (isWaiting: Semaphore, own: Semaphore) => unknown =
          point === 'waiter.beforeSleep' ? takePermit : takePermitLater;
        await killed(await victimOf(point, wait, [new Semaphore(0), semaphore]));
        const living = await permitWaiters(semaphore);
        semaphore.release(2);
        assert.deepEqual(await resultsOf(living), [TAKEN, TAKEN]);
        assert.equal(semaphore.getValue(), returns ? 2 : 0);
      }),
    );

  for (const point of ['point.beforeWake', 'point.beforeRing', ...(returns ? ['semaphore.betweenGives' as const] : [])] as const)
    test(
      `${name}: a release of two killed at ${point} has given both  [fault 10]`,
      clean(async () => {
        const semaphore: Semaphore = make();
        if (returns) semaphore.release(2);
        const go = new Event();
        const victim = await victimOf(
          point,
          (own: Semaphore, isWanted: Event, mustTake: boolean) => {
            for (let taken = 0; mustTake && taken < 2; taken++) own.acquireSync();
            isWanted.waitSync();
            own.release(2);
          },
          [semaphore, go, returns],
        );
        await until(() => semaphore.getValue() === 0, 'the victim has both');
        const living = await permitWaiters(semaphore);
        const act = async () => {
          go.set();
          return victim;
        };
        await killedAt(point, act, living);
        assert.deepEqual(await resultsOf(living), [TAKEN, TAKEN]);
        assert.equal(semaphore.getValue(), returns ? 2 : 0);
      }),
    );

  test(
    `${name}: permits of a process that is killed ${returns ? 'come back' : 'are lost'}  [Y-09] [Y-12] [fault 13]`,
    clean(async () => {
      const semaphore: Semaphore = make();
      semaphore.release(2);
      const victim = await begin(
        (own: Semaphore) => {
          own.acquireSync();
          own.acquireSync();
          return new Promise<void>(() => setInterval(() => undefined, 1000));
        },
        [semaphore],
      );
      await until(() => semaphore.getValue() === 0, 'the victim has both');
      const living = returns ? await permitWaiters(semaphore) : [];
      victim.kill();
      await victim.join();
      assert.deepEqual(
        await resultsOf(living),
        living.map(() => TAKEN),
      );
      assert.equal(semaphore.getValue(), returns ? 2 : 0);
    }),
  );
}
