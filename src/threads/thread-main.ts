/**
 * What a Thread does: the same as a Process child, in surroundings of its own.
 *
 * Runs in threads only.
 */
import { runChild } from '../process/process-main.js';
import { surroundingsOfThread } from './surroundings.js';
import { Thread } from './thread.js';

/** Lives this thread's life. */
export function runThread(): void {
  runChild(Thread, surroundingsOfThread());
}
