/**
 * The message of a task: its header is written into the bytes before the encoded arguments.
 *
 * Runs in the parent.
 */
import type { Encoded } from '../wire/codec-types.js';
import type { Task } from './task.js';
import { ATTEMPT_SHIFT, TASK_HEADER_BYTES, writeU32 } from './worker-frames.js';

/** Writes the header for the worker that gets it now. */
export function writeHeader({ encoded: { buffer, start }, job, flags, attempt, id }: Task, sequence: number): void {
  const header = start - TASK_HEADER_BYTES;
  writeU32(buffer, header, sequence);
  writeU32(buffer, header + 4, job?.id ?? 0);
  writeU32(buffer, header + 8, flags | (attempt << ATTEMPT_SHIFT));
  writeU32(buffer, header + 12, id);
  writeU32(buffer, header + 16, id / 2 ** 32);
}

/** The same message in bytes of its own, with room for the header. */
export function copyOf({ buffer, start, end, definitions, holds }: Encoded): Encoded {
  return {
    buffer: buffer.slice(start - TASK_HEADER_BYTES, end),
    start: TASK_HEADER_BYTES,
    end: end - start + TASK_HEADER_BYTES,
    definitions,
    holds,
  };
}
