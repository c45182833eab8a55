/**
 * The living children of this thread, and what becomes of them when it ends.
 *
 * Runs in parents.
 */
import { collectAll } from '../logging/collector.js';
import { now } from '../substrate/clock.js';
import { signalNumber } from './exit-status.js';
import type { Child } from './launcher.js';
import type { Process } from './process.js';
import { addEndStep, addWork, type Work } from './process-end.js';

interface Active {
  /** A child keeps its parent alive, a daemon does not; a worker is the business of its engine. */
  readonly role: 'child' | 'daemon' | 'worker';
  readonly detached: boolean;
  readonly child: Child;
}

const active = new Map<Process, Active>();

/** The living children of this thread, pool workers included. @python `multiprocessing.active_children()` */
export function activeChildren(): Process[] {
  return [...active].filter(([, { child }]) => child.isAlive()).map(([process]) => process);
}

export function addActive(process: Process, how: Active): void {
  if (active.size === 0) takePartInEnd();
  active.set(process, how);
}

export function removeActive(process: Process): void {
  active.delete(process);
}

function takePartInEnd(): void {
  addWork(children);
  addEndStep('daemons', { now: stopDaemonsNow, inTime: stopDaemons });
  addEndStep('children', { inTime: joinChildren });
}

const children: Work = {
  sort: 'children',
  undone: () => abandoned().length,
  names() {
    const names = abandoned().map(({ name }) => name);
    return (names.length > SHOWN_NAMES ? [...names.slice(0, SHOWN_NAMES), '…'] : names).join(', ');
  },
};

function abandoned(): Process[] {
  return [...active].filter(([, each]) => isJoined(each) && each.child.isAlive()).map(([process]) => process);
}

/** Whether this thread waits for it before it ends. */
function isJoined({ role, detached }: Active): boolean {
  return role === 'child' && !detached;
}

async function joinChildren(): Promise<void> {
  for (;;) {
    const held = [...active].find(([, each]) => isJoined(each));
    if (held === undefined) return;
    await held[0].sentinel.ready;
  }
}

/** Daemons get SIGTERM, and time to obey. */
async function stopDaemons(): Promise<void> {
  const graceMs = terminateDaemons();
  const ended = Promise.all([...active].filter(([, each]) => isStopped(each)).map(([{ sentinel }]) => sentinel.ready));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([ended, late]);
  clearTimeout(timer);
}

/** What does not obey in time dies with this process. */
function stopDaemonsNow(): void {
  const deadline = now() + terminateDaemons();
  const stopped = [...active.values()].filter(isStopped);
  while (stopped.some(({ child }) => child.signal(EXISTS)) && now() < deadline) Atomics.wait(NEVER_WOKEN, 0, 0, LOOK_MS);
  collectAll();
}

function isStopped({ role, detached }: Active): boolean {
  return role !== 'child' && !detached;
}

/** @returns The time they have, in milliseconds. */
function terminateDaemons(): number {
  const stopped = [...active.values()].filter(isStopped);
  for (const { child } of stopped) child.signal(SIGTERM);
  return stopped.some(({ role }) => role === 'daemon') ? DAEMON_GRACE_MS : WORKER_GRACE_MS;
}

const SIGTERM = signalNumber('SIGTERM');
/** Not delivered; only tells whether there is somebody to deliver to. */
const EXISTS = 0;
const DAEMON_GRACE_MS = 5_000;
/** What a worker has to tidy up is its engine's business, which is over. */
const WORKER_GRACE_MS = 500;
const LOOK_MS = 2;
const SHOWN_NAMES = 10;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));
