/**
 * What the tests of managers share.
 *
 * Runs in the test process.
 */
import type { TestContext } from 'node:test';
import { Lock, Manager, Process, type SyncManager } from 'multiproc';
import { leavesNothing } from '../support/census.js';

/** The family, and the inspector that reads closures, live as long as this process. */
const warmUp = async () => {
  const lock = new Lock();
  const child = new Process({ target: () => lock.locked() });
  await child.start();
  await child.join();
};

/** A test that leaves nothing. */
export const clean = (body: (t: TestContext) => Promise<void>): ((t: TestContext) => Promise<void>) =>
  leavesNothing(body, { warmUp });

/** A test with a manager of its own. */
export const withManager = (body: (manager: SyncManager, t: TestContext) => Promise<void>): ((t: TestContext) => Promise<void>) =>
  clean(async (t) => {
    const manager = await Manager();
    t.after(() => manager.shutdown());
    await body(manager, t);
  });

/** Runs a function in a child; gives its result. */
export async function inChild<A extends unknown[], R>(target: (...args: A) => R | Promise<R>, ...args: A): Promise<R> {
  const child = new Process<A, R>({ target, args });
  await child.start();
  return await child.result(60_000);
}
