/**
 * What a child knows of its parent.
 *
 * Runs in children.
 */
import { limitWait, type Wait } from '../substrate/wait-limit.js';
import { bootOf } from './identity.js';

/** What a child knows of its parent. @python `multiprocessing.process._ParentProcess` */
export interface ParentProcess {
  readonly name: string;
  readonly pid: number;
  isAlive(): boolean;
  /** Waits for the parent's death; only a detached child lives to see it. */
  join(wait?: Wait): Promise<void>;
}

const PARENT_LOOK_MS = 100;
/** A process whose parent is gone is given to another one. */
let lives = (pid: number): boolean => process.ppid === pid;

/** Says how to see whether the parent lives, where it is not the one that the operating system knows. */
export function setParentCheck(check: () => boolean): void {
  lives = check;
}

let parent: ParentProcess | undefined;

/** The process that started this one, or null in a main process. @python `multiprocessing.parent_process()` */
export function parentProcess(): ParentProcess | null {
  const boot = bootOf();
  if (boot === undefined) return null;
  const { parentName, parentPid } = boot;
  const isAlive = () => parentPid === process.pid || lives(parentPid); // this very process is that of a thread's parent
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
