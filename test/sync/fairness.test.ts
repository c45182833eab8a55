/**
 * Who waits for a lock gets it, also if another takes it again as soon as it has released it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event, Lock, ProcessDiedError } from 'multiproc';
import { begin } from '../fixtures/substrate/starting.js';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';

const warmUp = async () => {
  const lock = new Lock();
  await (await begin(() => lock.locked(), [])).join();
};
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp });

/** Holds the lock all the time but for an instant every two milliseconds. */
async function hog(lock: Lock, stop: Event): Promise<() => Promise<number>> {
  const started = new Event();
  const target = (held: Lock, ended: Event, begun: Event): number => {
    let turns = 0;
    for (; !ended.isSet(); turns++) {
      held.acquireSync();
      begun.set();
      const end = performance.now() + 2;
      while (performance.now() < end);
      held.release();
    }
    return turns;
  };
  const process = await begin(target, [lock, stop, started]);
  await started.wait();
  return async () => {
    stop.set();
    return await process.result();
  };
}

test(
  'a thread that is slow to wake gets a lock that another process takes again at once',
  clean(async () => {
    const lock = new Lock();
    const end = await hog(lock, new Event());
    const slow = await begin(
      (wanted: Lock) => {
        for (let turn = 0; turn < 5; turn++) wanted.runSync(() => undefined);
      },
      [lock],
      'waiter.afterWake:delay=4@0',
    );
    await withDeadline(slow.result(), 60_000, 'five turns');
    assert.ok((await end()) > 0);
  }),
);

test(
  'event loops and threads get a lock that a blocking process takes again at once, and it goes on too',
  clean(async () => {
    const lock = new Lock();
    const end = await hog(lock, new Event());
    const turns = async (wanted: Lock): Promise<number> => {
      let count = 0;
      for (; count < 20; count++) await wanted.run(() => new Promise((resolve) => setTimeout(resolve, 1)));
      return count;
    };
    const others = await Promise.all([begin(turns, [lock]), begin(turns, [lock])]);
    assert.equal(await withDeadline(turns(lock), 60_000, 'turns of this event loop'), 20);
    for (const other of others) assert.equal(await withDeadline(other.result(), 60_000, 'turns of another'), 20);
    assert.ok((await end()) > 0);
    assert.equal(lock.locked(), false);
  }),
);

test(
  'who asked for a turn and was killed costs the others no more than a moment',
  clean(async () => {
    const lock = new Lock();
    const end = await hog(lock, new Event());
    for (let round = 0; round < 5; round++) {
      const victim = await begin((wanted: Lock) => wanted.runSync(() => undefined), [lock], 'waiter.afterWake:kill@2');
      // It may have got the lock when it was woken first.
      const failure = await withDeadline(victim.exception(), 60_000, 'the victim ends');
      assert.ok(failure === null || failure instanceof ProcessDiedError);
    }
    await withDeadline(
      lock.run(() => undefined),
      60_000,
      'the lock',
    );
    assert.ok((await end()) > 0);
  }),
);
