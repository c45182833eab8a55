/**
 * Tests of managers for every kind of child: the server starts as the children do, where it is a process.
 *
 * Runs in the test process.
 */
import type { TestContext } from 'node:test';
import { Lock, Manager, Process, type SyncManager } from '#src/index.js';
import { leavesNothing } from '../support/census.js';
import { eachKind, inChild, type Kind } from '../support/kinds.js';

/** Runs a function in a child of the kind that is tested; gives its result. */
export type InChild = <A extends unknown[], R>(target: (...args: A) => R | Promise<R>, ...args: A) => Promise<R>;

/** Defines a test per kind of children, each with a manager of its own. */
export function eachKindWithManager(
  title: string,
  body: (manager: SyncManager, run: InChild, kind: Kind, t: TestContext) => Promise<void>,
  only?: (kind: Kind) => boolean,
): void {
  eachKind(
    title,
    async (kind, t) => {
      const manager = await Manager(kind.name === 'thread' ? {} : { context: kind.name });
      t.after(() => manager.shutdown());
      await body(manager, (target, ...args) => inChild(kind, t, target, ...args), kind, t);
    },
    only,
  );
}

/** A test without children, with a manager of its own. */
export const withManager = (body: (manager: SyncManager, t: TestContext) => Promise<void>): ((t: TestContext) => Promise<void>) =>
  leavesNothing(
    async (t) => {
      const manager = await Manager();
      t.after(() => manager.shutdown());
      await body(manager, t);
    },
    { warmUp },
  );

const warmUp = async () => {
  const lock = new Lock();
  const child = new Process({ target: () => lock.locked() });
  await child.start();
  await child.join();
};
