/**
 * The fork server with everything that its children may run.
 *
 * Runs in fork servers only.
 */
import { ForkServerProcess } from '../forkserver/fork-server-process.js';
import { runForkServer } from '../forkserver/fork-server-main.js';
import { runChild } from '../process/process-main.js';
import { runWorker } from './worker-main.js';

/** Lives a fork server's life. */
export function runForkserver(): void {
  void runForkServer({ process: (surroundings) => runChild(ForkServerProcess, surroundings), worker: runWorker });
}
