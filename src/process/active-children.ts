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

interface Active {
  readonly daemon: boolean;
  readonly detached: boolean;
  readonly child: Child;
}

const active = new Map<Process, Active>();

/** The living children of this thread, pool workers included. @python `multiprocessing.active_children()` */
export function activeChildren(): Process[] {
  return [...active].filter(([, { child }]) => child.isAlive()).map(([process]) => process);
}

export function addActive(process: Process, how: Active): void {
  if (active.size === 0) terminateDaemonsAtExit();
  active.set(process, how);
}

export function removeActive(process: Process): void {
  active.delete(process);
}

/** Resolves when no child of this thread that is neither daemon nor detached lives any more. */
export async function joinActive(): Promise<void> {
  for (;;) {
    const held = [...active].find(([, { daemon, detached }]) => !daemon && !detached);
    if (held === undefined) return;
    await held[0].sentinel.ready;
  }
}

let atExit = false;

/** At the normal end of this process daemons get SIGTERM and time to obey; what still runs then dies with its parent. */
function terminateDaemonsAtExit(): void {
  if (atExit) return;
  atExit = true;
  process.on('exit', () => {
    const daemons = [...active.values()].filter(({ daemon, detached }) => daemon && !detached).map(({ child }) => child);
    for (const child of daemons) child.signal(SIGTERM);
    const deadline = now() + TERM_GRACE_MS;
    while (daemons.some((child) => child.signal(EXISTS)) && now() < deadline) Atomics.wait(NEVER_WOKEN, 0, 0, LOOK_MS);
    collectAll();
  });
}

const SIGTERM = signalNumber('SIGTERM');
/** Not delivered; only tells whether there is somebody to deliver to. */
const EXISTS = 0;
const TERM_GRACE_MS = 5_000;
const LOOK_MS = 2;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));
