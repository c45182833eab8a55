/**
 * What proxies of locks, semaphores and conditions do in their own process: run code with them held, and ask predicates.
 *
 * Runs in clients and servers.
 */
import { checkFunction } from '../substrate/argument-checks.js';
import { now } from '../substrate/clock.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { heldTooLong, newFlow, runAsFlow } from '../sync/lock-holder.js';
import {
  asFlow,
  asFlowSync,
  callMethod,
  type FaceMethod,
  type FaceMethods,
  flowOf,
  waiting,
  waitingSync,
} from './face-methods.js';
import type { ProxyCore } from './proxy.js';

const RUN = 'Cannot call run()';
const WAIT_FOR = 'Cannot call waitFor()';
const waitOnce = waiting('wait', 0);
const waitOnceSync = waitingSync('wait', 0);
const release = asFlow('release');
const releaseSync = asFlowSync('release');
const acquireSync = thenSync(waitingSync('acquire', 0));
/** At the end of a `using` block nobody can wait; the server hears of it before anything that is called later. */
const releaseSoon: FaceMethod = (core) => core.caller().post(core.object, 'release', [flowOf(core)]);

/** Of a lock. */
export const lockMethods: FaceMethods = {
  acquire: waiting('acquire', 0),
  recover: waiting('recover', 0),
  tryAcquire: asFlow('tryAcquire'),
  release,
  run,
  [Symbol.dispose]: releaseSoon,
  [Symbol.asyncDispose]: release,
};
export const lockSyncMethods: FaceMethods = {
  acquire: acquireSync,
  recover: thenSync(waitingSync('recover', 0)),
  tryAcquire: asFlowSync('tryAcquire'),
  release: releaseSync,
  run: runSync,
  [Symbol.dispose]: releaseSync,
};

/** Of a semaphore: no flow owns a permit. */
async function runWithPermit(core: ProxyCore, f: () => unknown): Promise<unknown> {
  checkFunction(RUN, 'f', f);
  await callMethod(core, 'acquire', []);
  try {
    return await f();
  } finally {
    await callMethod(core, 'release', []);
  }
}

/** Of a semaphore. */
export const permitMethods: FaceMethods = {
  acquire: waiting('acquire', 0),
  run: runWithPermit,
  [Symbol.dispose]: releaseSoon,
  [Symbol.asyncDispose]: (core: ProxyCore) => callMethod(core, 'release', []),
};
export const permitSyncMethods: FaceMethods = { acquire: acquireSync, run: runSync, [Symbol.dispose]: releaseSync };

/** Runs code with a lock held, as a flow of its own unless it is called by the owner. */
async function run(core: ProxyCore, f: () => unknown): Promise<unknown> {
  checkFunction(RUN, 'f', f);
  const flow = newFlow();
  const isNew = await callMethod(core, 'enter', [flowOf(core), flow.description]);
  if (isNew === true) return runAsFlow(core.proxy as object, () => runFlow(core, f), flow);
  try {
    return await f();
  } finally {
    await release(core);
  }
}

async function runFlow(core: ProxyCore, f: () => unknown): Promise<unknown> {
  let surplus = 0;
  let value: unknown;
  try {
    value = await f();
  } finally {
    surplus = Number(await callMethod(core, 'leave', [flowOf(core)]));
  }
  if (surplus > 0) throw heldTooLong(surplus);
  return value;
}

function runSync(core: ProxyCore, f: () => unknown): unknown {
  checkFunction(RUN, 'f', f);
  acquireSync(core);
  try {
    return f();
  } finally {
    releaseSync(core);
  }
}

function thenSync(method: FaceMethod): FaceMethod {
  return (core, ...args) => {
    method(core, ...args);
    return (core.proxy as { sync: unknown }).sync;
  };
}

async function waitFor(core: ProxyCore, predicate: () => unknown, wait?: Wait): Promise<unknown> {
  checkFunction(WAIT_FOR, 'predicate', predicate);
  const { timeout, signal } = waitOptions(wait);
  const deadline = timeout === undefined ? undefined : now() + timeout;
  for (;;) {
    const value = await predicate();
    const left = deadline === undefined ? undefined : deadline - now();
    if (Boolean(value) || (left !== undefined && left <= 0)) return value;
    await waitOnce(core, { timeout: left, signal });
  }
}

function waitForSync(core: ProxyCore, predicate: () => unknown, wait?: Wait): unknown {
  checkFunction(WAIT_FOR, 'predicate', predicate);
  const { timeout } = waitOptions(wait);
  const deadline = timeout === undefined ? undefined : now() + timeout;
  for (;;) {
    const value = predicate();
    const left = deadline === undefined ? undefined : deadline - now();
    if (Boolean(value) || (left !== undefined && left <= 0)) return value;
    waitOnceSync(core, left);
  }
}

/** Of a condition. */
export const conditionMethods: FaceMethods = {
  ...lockMethods,
  wait: waitOnce,
  waitFor,
  notify: asFlow('notify', [1]),
  notifyAll: asFlow('notifyAll'),
};
export const conditionSyncMethods: FaceMethods = {
  ...lockSyncMethods,
  wait: waitOnceSync,
  waitFor: waitForSync,
  notify: asFlowSync('notify', [1]),
  notifyAll: asFlowSync('notifyAll'),
};
