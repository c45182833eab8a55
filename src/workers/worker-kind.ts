/**
 * What workers are: processes or threads. All else of the engine is the same for both.
 *
 * Runs in the parent.
 */
import { type BrokenExecutorError, BrokenProcessPoolError } from '../errors.js';
import { childEnvironment } from '../process/child-setup.js';
import { type Child, type ChildRequest, launch } from '../process/launcher.js';
import { Process } from '../process/process.js';
import { execArgvForChild } from '../wire/loader-flags.js';

export interface WorkerKind {
  /** Of which class a worker is among the active children. */
  readonly base: typeof Process;
  launch(request: ChildRequest): Child;
  brokenError(message: string, cause: unknown): BrokenExecutorError;
}

export const PROCESS_WORKERS: WorkerKind = {
  base: Process,
  launch: (request) =>
    launch({
      ...request,
      entry: 'worker-entry.cjs',
      execArgv: execArgvForChild(),
      env: childEnvironment(undefined),
      stdio: 'inherit',
      detached: false,
    }),
  brokenError: (message, cause) => new BrokenProcessPoolError(message, { cause }),
};
