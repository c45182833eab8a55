/**
 * What the end of a worker means: the error for those who lose something by it.
 *
 * Runs in the parent.
 */
import { ProtocolError, WorkerUnresponsiveError } from '../errors.js';
import { processDied } from '../process/exit-status.js';
import type { Task } from './task.js';
import type { Worker } from './worker.js';

/** Why a worker is gone; to be asked before its tasks are taken from it. */
export function endOf(worker: Worker): (begun: Task | undefined) => Error {
  const { name, phase, unresponsive } = worker;
  const { exitCode, pid, garbage } = worker.child;
  return (begun) => {
    if (garbage !== undefined)
      return new ProtocolError(`${name} (pid ${pid}) wrote garbage to its private channel and was killed`, { cause: garbage });
    if (unresponsive !== undefined) return new WorkerUnresponsiveError(`${name} (pid ${pid}) ${unresponsive} and was killed`);
    return processDied(name, { pid, exitCode, phase, taskId: begun?.id, killedByUs: worker.expectedToEnd });
  };
}
