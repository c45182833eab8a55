/**
 * What workers are: processes or threads. All else of the engine is the same for both.
 *
 * Runs in the parent.
 */
import { type BrokenExecutorError, BrokenProcessPoolError } from '../errors.js';
import { childEnvironment } from '../process/child-setup.js';
import type { Child, ChildRequest } from '../process/launcher.js';
import { Process } from '../process/process.js';
import { checkContext, type ContextOption, launcherOf, methodOf, type StartMethod } from '../process/start-method.js';
import { execArgvForChild } from '../wire/loader-flags.js';

export interface WorkerKind {
  /** What one of them is called in errors. */
  readonly noun: 'process' | 'thread';
  /** Of which class a worker is among the active children. */
  readonly base: typeof Process;
  /** By which method its own children start; undefined: none was chosen. */
  readonly startMethod: StartMethod | undefined;
  /** What the launch of the first had better wait for; undefined: nothing. */
  prepare?(): Promise<void> | undefined;
  /** Whether one of them can be stopped while this process goes on. */
  readonly canBeStopped: boolean;
  launch(request: ChildRequest): Child;
  brokenError(message: string, cause: unknown): BrokenExecutorError;
}

/**
 * Workers that are processes, which start as the context says.
 *
 * @throws {TypeError|RangeError} If it is no context, or this program cannot start processes so.
 */
export function processWorkers(act: string, context: ContextOption | undefined): WorkerKind {
  if (context !== undefined) checkContext(act, context);
  const startMethod = methodOf(context);
  const launcher = launcherOf(startMethod);
  return {
    noun: 'process',
    base: Process,
    canBeStopped: true,
    startMethod,
    prepare: () => launcher.prepare?.(),
    launch: (request) =>
      launcher.launch({
        ...request,
        entry: 'worker-entry.cjs',
        execArgv: execArgvForChild(),
        env: childEnvironment(undefined),
        stdio: 'inherit',
        detached: false,
      }),
    brokenError: (message, cause) => new BrokenProcessPoolError(message, { cause }),
  };
}
