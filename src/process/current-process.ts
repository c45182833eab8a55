/**
 * The process that runs this code, and its parent, as objects.
 *
 * Runs in every process.
 */
import { InvalidStateError } from '../errors.js';
import { limitWait, type Wait } from '../substrate/wait-limit.js';
import { bootOf } from './identity.js';
import type { Process } from './process.js';

let current: Process | undefined;
let main: Process | undefined;
let makeMain: (() => Process) | undefined;

/** The name of this process, as `currentProcess().name`. */
export function currentName(): string {
  return current?.name ?? bootOf()?.name ?? 'MainProcess';
}

export function setCurrent(process: Process): void {
  current = process;
}

/** How the object of a main process is made, told by `process.ts`. */
export function setMainMaker(make: () => Process): void {
  makeMain = make;
}

/**
 * The object of the process that runs this code: in a child the Process itself, else `MainProcess`.
 *
 * @python `multiprocessing.current_process()`
 */
export function currentProcess(): Process {
  if (current !== undefined) return current;
  if (makeMain === undefined) throw new InvalidStateError('Cannot give the current process: the process layer is not loaded');
  return (main ??= makeMain());
}

/** What a child knows of its parent. @python `multiprocessing.process._ParentProcess` */
export interface ParentProcess {
  readonly name: string;
  readonly pid: number;
  isAlive(): boolean;
  /** Waits for the parent's death; only a detached child lives to see it. */
  join(wait?: Wait): Promise<void>;
}

const PARENT_LOOK_MS = 100;
let parent: ParentProcess | undefined;

/** The process that started this one, or null in a main process. @python `multiprocessing.parent_process()` */
export function parentProcess(): ParentProcess | null {
  const boot = bootOf();
  if (boot === undefined) return null;
  const { parentName, parentPid } = boot;
  const isAlive = () => parentPid === process.pid || process.ppid === parentPid; // this very process is that of a thread's parent
  return (parent ??= {
    name: parentName,
    pid: parentPid,
    isAlive,
    async join(wait) {
      let look: NodeJS.Timeout | undefined;
      const gone = new Promise<void>((resolve) => {
        look = setInterval(() => {
          if (!isAlive()) resolve();
        }, PARENT_LOOK_MS);
      });
      try {
        await limitWait(gone, wait, `join the parent ${parentName} (pid ${parentPid}): it still runs`);
      } finally {
        clearInterval(look);
      }
    },
  });
}
