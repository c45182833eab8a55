/**
 * Files of memory mapped into this process, and the process that a family's named memory belongs to.
 *
 * Runs in every process and thread.
 */
import { binding } from '../native/binding.js';
import { arena } from './arena.js';
import { orThrow } from './failure.js';
import { HEADER_FOUNDER_PID, HEADER_FOUNDER_START_HIGH, HEADER_FOUNDER_START_LOW } from './layout.js';

/** A process for ever: its pid may become another's, with another start time. */
export interface ProcessKey {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly start: number;
}

/**
 * Maps an open file; makes it `size` bytes large before, with memory behind every page, unless that is 0.
 *
 * @param act Completes "Cannot …".
 * @throws {ResourceExhaustedError} If there is not so much memory.
 */
export function mapFile(fd: number, size: number, act: string): ArrayBuffer {
  return orThrow(act, binding().sharedMemoryMap(fd, size));
}

/** Gives mapped memory back; views on it are empty from now on. */
export function unmapFile(buffer: ArrayBuffer): void {
  binding().sharedMemoryUnmap(buffer);
}

/** The first process of this family: the others end with it. */
export function familyFounder(): ProcessKey {
  const { header } = arena();
  const high = Atomics.load(header, HEADER_FOUNDER_START_HIGH) * 2 ** 32;
  return { pid: Atomics.load(header, HEADER_FOUNDER_PID), start: high + (Atomics.load(header, HEADER_FOUNDER_START_LOW) >>> 0) };
}

/** Whether that very process exists. */
export function exists({ pid, start }: ProcessKey): boolean {
  return binding().processStartTime(pid) === start;
}
