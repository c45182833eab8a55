/**
 * A worker that is a thread.
 *
 * Runs in threads only.
 */
import { surroundingsOfThread } from '../threads/surroundings.js';
import { runWorker } from './worker-main.js';

/** Lives a worker's life in a thread. */
export function runThreadWorker(): void {
  runWorker(surroundingsOfThread());
}
