/**
 * Memory for the bytes of messages that arrive.
 *
 * Runs in every process and thread. Where large ones keep coming, the process keeps the memory of those that are garbage for
 * those to come (`native/heap.c`).
 */
import { binding } from '../native/binding.js';

/** Memory that is about to be overwritten: zeroing it would cost as much as filling it. The buffer is of just so many bytes. */
export function messageMemory(bytes: number): Uint8Array<ArrayBuffer> {
  messagesAreLarge(bytes);
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** Says that a message of so many bytes is about to be copied. */
export function messagesAreLarge(bytes: number): void {
  if (bytes >= LARGE_BYTES && largeBytes < MANY_BYTES) countLarge(bytes);
}

function countLarge(bytes: number): void {
  largeBytes += bytes;
  if (largeBytes >= MANY_BYTES) binding().keepFreedMemory();
}

/** The C library maps and unmaps, or trims, what is not much smaller. */
const LARGE_BYTES = 2 ** 15;
const MANY_BYTES = 2 ** 23;
let largeBytes = 0;
