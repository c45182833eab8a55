/**
 * Where this thread's log records come from and where they go.
 *
 * Runs in every process.
 */
import type { Bell } from '../substrate/doorbell.js';
import type { ParticipantId } from '../substrate/participants.js';

/** Where a child's records go. */
export interface Capture {
  /** The parent's level table; 0: the parent does not listen. */
  readonly table: number;
  readonly parentId: ParticipantId;
  readonly parentBell: Bell;
  readonly captureConsole: boolean;
}

/** What makes the records of this child. */
export const origin: { name: () => string; taskId: number | undefined } = { name: () => 'MainProcess', taskId: undefined };

let capture: Capture | undefined;

/** Where the records of this thread go; undefined in a main process. */
export function captured(): Capture | undefined {
  return capture;
}

export function setCapture(start: Capture): void {
  capture = start;
}
