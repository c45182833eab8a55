/**
 * Wakers that die or stall at each step strand nobody: the waiters here sleep without looking again every 100 ms.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event, ProcessDiedError, Semaphore } from 'multiproc';
import { begin, sleepsInFutex, until } from '../fixtures/substrate/starting.js';
import { leavesNothing } from '../support/census.js';
import { killedAt } from './sync-points.js';
import { familyOf } from '../support/family.js';

const NO_SLICES = 'none:kill';
const warmUp = async () => {
  const event = new Event();
  await (await begin(() => event.set(), [])).join();
};
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp });

const sleepers = async (count: number, wait: () => void) => {
  const waiters = await Promise.all(Array.from({ length: count }, () => begin(wait, [], NO_SLICES)));
  await until(() => waiters.every((waiter) => sleepsInFutex(waiter.pid as number)), 'the waiters sleep');
  return waiters;
};

for (const point of ['point.beforeWake', 'point.beforeRing'] as const) {
  test(
    `a process killed at ${point} has woken threads and event loops all the same  [faults 10, 11]`,
    clean(async () => {
      const event = new Event();
      const waiters = await sleepers(2, () => event.waitSync());
      // In a process of its own, where nothing else turns the event loop: it would see the event before it is rung.
      const isWaiting = new Semaphore(0);
      const looping = await begin(async () => {
        const wait = event.wait();
        isWaiting.release();
        await wait;
      }, []);
      await isWaiting.acquire();
      await killedAt(point, () => begin(() => event.set(), [], `${point}:kill`), [...waiters, looping]);
      await looping.join({ timeout: 20_000 });
      await Promise.all(waiters.map((waiter) => waiter.join({ timeout: 20_000 })));
    }),
  );
}

test(
  'two releases at once wake two sleepers, also if one of them stalls before its wake',
  clean(async () => {
    const semaphore = new Semaphore(0);
    const waiters = await sleepers(2, () => void semaphore.acquireSync());
    const stalled = await begin(() => semaphore.release(), [], 'point.beforeWake:stop');
    const { pid } = stalled;
    await until(() => familyOf().some((member) => member.pid === pid && member.state === 'T'), 'the releaser stalls');
    semaphore.release();
    process.kill(pid as number, 'SIGCONT');
    await Promise.all(waiters.map((waiter) => waiter.join({ timeout: 20_000 })));
    await stalled.join();
    assert.equal(semaphore.getValue(), 0);
  }),
);

test(
  'a waiter killed after it was woken leaves its permit to another',
  clean(async () => {
    const semaphore = new Semaphore(0);
    const victim = await begin(() => void semaphore.acquireSync(), [], 'waiter.afterWake:kill');
    await until(() => sleepsInFutex(victim.pid as number), 'the victim sleeps');
    const [waiter] = await sleepers(1, () => void semaphore.acquireSync());
    semaphore.release();
    await assert.rejects(victim.join(), ProcessDiedError);
    await waiter?.join({ timeout: 20_000 });
    assert.equal(semaphore.getValue(), 0);
  }),
);
