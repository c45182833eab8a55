/**
 * Workers that a fork server starts.
 *
 * Runs in the parent.
 */
import { BrokenProcessPoolError } from '../errors.js';
import { ForkServerProcess } from '../forkserver/fork-server-process.js';
import { launchForked } from '../forkserver/fork-launcher.js';
import type { WorkerKind } from './worker-kind.js';

export const FORKED_WORKERS: WorkerKind = {
  base: ForkServerProcess,
  launch: (request) => launchForked({}, request, 'worker'),
  brokenError: (message, cause) => new BrokenProcessPoolError(message, { cause }),
};
