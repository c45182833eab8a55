/**
 * Workers that are threads.
 *
 * Runs in the parent.
 */
import { BrokenThreadPoolError } from '../errors.js';
import { getStartMethod, type StartMethod } from '../process/start-method.js';
import { launchThread } from '../threads/thread-launcher.js';
import { Thread } from '../threads/thread.js';
import type { WorkerKind } from './worker-kind.js';

/** @throws {TypeError} If the options ask for a start method: threads have none. */
export function threadWorkers(act: string, { context }: { readonly context?: unknown }): WorkerKind {
  if (context !== undefined) throw new TypeError(`Cannot ${act}: threads have no start method, received a context`);
  return THREAD_WORKERS;
}

const THREAD_WORKERS: WorkerKind = {
  noun: 'thread',
  base: Thread,
  canBeStopped: false,
  get startMethod(): StartMethod | undefined {
    return getStartMethod({ allowNone: true }) ?? undefined;
  },
  launch: (request) => launchThread({}, request, 'thread-worker-entry.cjs'),
  brokenError: (message, cause) => new BrokenThreadPoolError(message, { cause }),
};
