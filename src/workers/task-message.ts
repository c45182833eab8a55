/**
 * The message of a task: its header is written into the bytes before the encoded arguments.
 *
 * Runs in the parent.
 */
import type { Encoded } from '../wire/codec-types.js';
import { NOTHING } from '../process/frames.js';
import { inOnePiece, type LargeMessages } from './large-message.js';
import { PLACE_BYTES, type ShelvedMessage, writePlace } from './message-shelf.js';
import type { Task } from './task.js';
import { ATTEMPT_SHIFT, copyOfBytes, TASK_HEADER_BYTES, writeU32 } from './worker-frames.js';

/** Makes the message independent of the values it was made of: to be called in the turn of the submit. */
export function settleBytes(task: Task, large: LargeMessages): void {
  const { encoded } = task;
  task.shelved = large.put(encoded);
  if (task.shelved === undefined) task.encoded = inOnePiece(encoded, TASK_HEADER_BYTES);
  else task.encoded = { buffer: NOTHING, start: 0, end: 0, definitions: encoded.definitions, holds: encoded.holds };
}

/** The frame of a task whose message lies in shared memory. */
export function shelvedFrame(task: Task, shelved: ShelvedMessage, sequence: number): Uint8Array {
  const frame = new Uint8Array(TASK_HEADER_BYTES + PLACE_BYTES);
  writeHeader(task, sequence, frame, 0);
  writePlace(frame, TASK_HEADER_BYTES, shelved);
  return frame;
}

/** Writes the header for the worker that gets it now. */
export function writeHeader({ job, flags, attempt, id }: Task, sequence: number, buffer: Uint8Array, header: number): void {
  writeU32(buffer, header, sequence);
  writeU32(buffer, header + 4, job?.id ?? 0);
  writeU32(buffer, header + 8, flags | (attempt << ATTEMPT_SHIFT));
  writeU32(buffer, header + 12, id);
  writeU32(buffer, header + 16, id / 2 ** 32);
}

/** The same message in bytes of its own, with room for the header. */
export function copyOf({ buffer, start, end, definitions, holds }: Encoded): Encoded {
  return {
    buffer: copyOfBytes(buffer, start - TASK_HEADER_BYTES, end),
    start: TASK_HEADER_BYTES,
    end: end - start + TASK_HEADER_BYTES,
    definitions,
    holds,
  };
}
