/**
 * Workers that are threads.
 *
 * Runs in the parent.
 */
import { BrokenThreadPoolError } from '../errors.js';
import { launchThread } from '../threads/thread-launcher.js';
import { Thread } from '../threads/thread.js';
import type { WorkerKind } from './worker-kind.js';

export const THREAD_WORKERS: WorkerKind = {
  base: Thread,
  launch: (request) => launchThread({}, request, 'thread-worker-entry.cjs'),
  brokenError: (message, cause) => new BrokenThreadPoolError(message, { cause }),
};
