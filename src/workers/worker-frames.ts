/**
 * The frames between the worker engine and its workers, and the words they share.
 *
 * Runs in both.
 */
import { WORKER_FRAMES } from '../process/frames.js';

/** Engine → worker, once: the encoded initializer call (fn is null where there is none). */
export const INIT: number = WORKER_FRAMES;
/** Engine → worker: job number (u32) and an encoded function, to be named by that number from now on. */
export const JOB: number = WORKER_FRAMES + 1;
/** Engine → worker: a task: `TASK_HEADER_BYTES` of header, then the encoded arguments. */
export const TASK: number = WORKER_FRAMES + 2;
/** Engine → worker: forget a job (u32). */
export const FORGET: number = WORKER_FRAMES + 3;
/** Engine → worker: finish what you have and end. */
export const STOP: number = WORKER_FRAMES + 4;
/** Engine → worker: the header of the next task, before the definitions it needs: loading them belongs to it. */
export const PREPARE: number = WORKER_FRAMES + 5;
/** Engine → worker, before INIT: the resident memory in MiB (u32) above which it ends after a task. */
export const LIMIT: number = WORKER_FRAMES + 6;

/** Engine → worker, before the task: sequence number (u32), the encoded surroundings of its submit (`task-context.ts`). */
export const CONTEXT: number = WORKER_FRAMES + 7;

/** Worker → engine: the process is up, the initializer is about to run. */
export const BOOTED: number = WORKER_FRAMES + 8;
/** Worker → engine: the initializer has returned. */
export const INITIALIZED: number = WORKER_FRAMES + 9;
/** Worker → engine: an encoded failure of the initializer. */
export const INIT_FAILED: number = WORKER_FRAMES + 10;
/** Worker → engine: `ANSWER_HEADER_BYTES` of header, encoded result. */
export const TASK_DONE: number = WORKER_FRAMES + 11;
/** Worker → engine: `ANSWER_HEADER_BYTES` of header, encoded failure. */
export const TASK_FAILED: number = WORKER_FRAMES + 12;
/** Worker → engine: sequence number (u32); only of tasks that asked for it. */
export const TASK_STARTED: number = WORKER_FRAMES + 13;
/** Worker → engine: it ends after the failure it has just sent; not a death. */
export const RETIRING: number = WORKER_FRAMES + 14;
/** Worker → engine: it ends because of this encoded failure, which belongs to no task. */
export const WORKER_FAILED: number = WORKER_FRAMES + 15;

/** Engine → worker: sequence number (u32), an encoded failure: why the running task is not wanted any more. */
export const ABORT: number = WORKER_FRAMES + 16;
/** Engine → worker, before INIT: change BEAT_WORD at least so often (milliseconds, u32). */
export const BEAT: number = WORKER_FRAMES + 17;
/** Worker → engine: sequence number (u32), an encoded value that the running task reports. */
export const TASK_PROGRESS: number = WORKER_FRAMES + 18;

/** Engine → worker: a task of which only the header is in the frame: behind it, where the arguments lie (`message-shelf.ts`). */
export const TASK_SHELVED: number = WORKER_FRAMES + 19;
/** Worker → engine: as TASK_DONE, but behind the header, where the result lies. */
export const TASK_DONE_SHELVED: number = WORKER_FRAMES + 20;

/** Sequence number, job number, flags and attempt << 8, task id (low, high): u32 each. */
export const TASK_HEADER_BYTES = 20;
/** Sequence number (u32), times of begin and end of the task in milliseconds of `now()` (f64 each). */
export const ANSWER_HEADER_BYTES = 20;
export const SEQUENCE_BYTES = 4;

/** The function is in the message itself, in front of the arguments. */
export const FLAG_INLINE = 1;
/** The arguments are a list of items, one call each; the result is a `ChunkResult`. */
export const FLAG_CHUNK = 2;
/** With CHUNK: each item is the list of arguments of its call. */
export const FLAG_SPREAD = 4;
/** The engine wants TASK_STARTED. */
export const FLAG_REPORT = 8;
/** CONTEXT was sent before. */
export const FLAG_CONTEXT = 16;
export const ATTEMPT_SHIFT = 8;

/** What a chunk gives: values, and the encoded failures of the items that have none. */
export interface ChunkResult {
  readonly values: unknown[];
  readonly failures: [index: number, failure: Uint8Array][];
}

/**
 * Shared words of one worker, behind its link: a claim per task in flight, then QUIET, BEAT, LISTENER.
 *
 * A task's claim word is `sequence << 2 | state`. The engine stores QUEUED before it sends the task. Whoever
 * changes QUEUED first has it: the worker to CLAIMED (it runs the task now), the engine to TAKEN_BACK
 * (cancelled, or given to another worker; the worker skips it). So "has it begun?" has one answer, also
 * when the worker is dead. The worker stores RETURNING when the task is over and its answer on the way.
 */
export const CLAIMS = 256;
export const CLAIM_RETURNING = 0;
export const CLAIM_QUEUED = 1;
export const CLAIM_CLAIMED = 2;
export const CLAIM_TAKEN_BACK = 3;
/** 1: the engine looks by itself every few milliseconds, do not ring for each result. */
export const QUIET_WORD = 256;
/** Changes as long as the process is not stopped, where the engine asked for it. */
export const BEAT_WORD = 257;
/** Sequence number of the running task if it wants to know that it is aborted, else of an earlier one or 0. */
export const LISTENER_WORD = 258;
export const SHARED_BYTES: number = (CLAIMS + 16) * 4;

/** The claim word of a task. */
export function claimWord(sequence: number, state: number): number {
  return (sequence << 2) | state;
}

/** An unsigned integer of a header. */
export function readU32(buffer: Uint8Array, at: number): number {
  return (
    ((buffer[at] as number) |
      ((buffer[at + 1] as number) << 8) |
      ((buffer[at + 2] as number) << 16) |
      ((buffer[at + 3] as number) << 24)) >>>
    0
  );
}

const scratch = new Float64Array(1);
const scratchBytes = new Uint8Array(scratch.buffer);

/** A floating-point number of a header. */
export function readF64(buffer: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) scratchBytes[i] = buffer[at + i] as number;
  return scratch[0] as number;
}

/** As `readF64`. */
export function writeF64(buffer: Uint8Array, at: number, value: number): void {
  scratch[0] = value;
  for (let i = 0; i < 8; i++) buffer[at + i] = scratchBytes[i] as number;
}

/** As `readU32`. */
export function writeU32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value & 0xff;
  buffer[at + 1] = (value >>> 8) & 0xff;
  buffer[at + 2] = (value >>> 16) & 0xff;
  buffer[at + 3] = value >>> 24;
}

/** Some bytes of a message in memory of their own; the `slice` of a `Buffer`, which messages are written to, would share its memory. */
export function copyOfBytes(buffer: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(buffer.subarray(start, end));
}
