/**
 * The living children of this thread, and what becomes of them when it ends.
 *
 * Runs in parents.
 */
import { signalNumber } from './exit-status.js';
import type { Child } from './launcher.js';
import type { Process } from './process.js';

interface Active {
  readonly daemon: boolean;
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

let atExit = false;

/** At the normal end of this process daemons get SIGTERM; what still runs then dies with its parent. */
function terminateDaemonsAtExit(): void {
  if (atExit) return;
  atExit = true;
  process.on('exit', () => {
    for (const { daemon, child } of active.values()) if (daemon) child.signal(signalNumber('SIGTERM'));
  });
}
