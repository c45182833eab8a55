/**
 * The fork server with everything that its children may run.
 *
 * Runs in fork servers only.
 */
import { runForkServer } from '../process/forkserver/fork-server-main.js';
import '../process/forkserver-process.js'; // the class of its children's own objects
import { Process } from '../process/process.js';
import { runChild } from '../process/process-main.js';
import { runWorker } from './worker-main.js';

/** Lives a fork server's life. */
export function runForkserver(): void {
  void runForkServer(
    {
      'process-entry.cjs': (surroundings) => runChild(Process, surroundings),
      'worker-entry.cjs': (surroundings) => runWorker(surroundings),
    },
    (surroundings, live) => runChild(Process, surroundings, live),
  );
}
