/**
 * The shared objects that an item names, written behind it: so that whoever throws the item away unread lets go of them.
 *
 * Runs in every process and thread. An item on its way counts as a hold of what it names (`shared-extension.ts`); reading it
 * undoes that. The mark of an item says whether there are any:
 *
 * ```text
 * mark   2^32 − 1: bytes as they are; else bits 0 … 29: definitions before the value, bit 30: there are holds behind it
 * end    u32 each: where the objects lie, in lines of 64 bytes; u32: how many
 * ```
 *
 * Who has taken an item lists its holds as his own until he has read it (`sharing/arrivals.ts`).
 */
import { arrivedHolds, holdArrived, releaseArrived } from '../sharing/arrivals.js';
import { pieceOf } from '../sharing/shared-kinds.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { releaseCount } from '../substrate/shared-piece.js';

/** Marks bytes that are no value. */
export const RAW = 0xffffffff;
const HOLDS: number = 2 ** 30;

/** The mark of an item. */
export function markOf(definitions: number, holds: readonly object[]): number {
  return holds.length === 0 ? definitions : definitions + HOLDS;
}

/** How many definitions an item has before its value. */
export function definitionsIn(mark: number): number {
  return mark === RAW ? 0 : mark % HOLDS;
}

/** What goes behind an item; nothing if it names no objects. */
export function holdsBehind(holds: readonly object[]): Uint8Array[] {
  if (holds.length === 0) return [];
  const lines = holds.map((facade) => (pieceOf(facade)?.offset ?? 0) / LINE_BYTES);
  return [new Uint8Array(Uint32Array.of(...lines, lines.length).buffer)];
}

/** Where the value of an item ends that has so many bytes. */
export function valueEnd(bytes: Uint8Array, length: number, mark: number): number {
  if (!hasHolds(mark)) return length;
  return length - 4 * (1 + wordAt(bytes, length - 4));
}

/** Lets go of what an item names that nobody will read. */
export function releaseHolds(bytes: Uint8Array, length: number, mark: number): void {
  for (const offset of holdsIn(bytes, length, mark)) releaseCount(offset);
}

/**
 * Reads an item that was taken. What it names is held by this thread meanwhile; if that fails, what was not read of it is
 * let go of.
 */
export function readWithHolds<R>(bytes: Uint8Array, length: number, mark: number, read: () => R): R {
  const offsets = [...holdsIn(bytes, length, mark)];
  const before = new Map(offsets.map((offset) => [offset, arrivedHolds(offset)]));
  for (const offset of offsets) holdArrived(offset);
  try {
    return read();
  } catch (error) {
    for (const [offset, count] of before) while (arrivedHolds(offset) > count) releaseArrived(offset);
    throw error;
  }
}

function* holdsIn(bytes: Uint8Array, length: number, mark: number): Generator<number> {
  if (!hasHolds(mark)) return;
  for (let at = valueEnd(bytes, length, mark); at < length - 4; at += 4) {
    const line = wordAt(bytes, at);
    if (line !== 0) yield line * LINE_BYTES;
  }
}

function hasHolds(mark: number): boolean {
  return mark !== RAW && mark >= HOLDS;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}
