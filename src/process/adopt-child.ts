/**
 * Children that somebody else started and watches, as Process objects: the workers of an engine among `activeChildren()`.
 *
 * Runs in parents.
 */
import { addActive, removeActive } from './active-children.js';
import { born } from './birth.js';
import type { Child } from './launcher.js';
import { Process } from './process.js';
import { RunningChild } from './running-child.js';

/** A child that somebody else started and watches, as a Process. */
export interface AdoptedChild {
  readonly process: Process;
  /** To be called when it has ended. */
  ended(): void;
}

/** Makes the Process object of a running child, and lists it among the active children. */
export function adoptChild(child: Child, name: string, ProcessClass: typeof Process = Process): AdoptedChild {
  const running = new RunningChild({ name: () => name, launch: () => child, onEnd: () => removeActive(adopted) });
  const make = () => Reflect.construct(Process, [{ name, daemon: false }], ProcessClass) as Process;
  const adopted: Process = born({ identity: [], of: running }, make);
  addActive(adopted, { role: 'worker', detached: false, child });
  return { process: adopted, ended: () => running.end({ kind: 'ended' }) };
}
