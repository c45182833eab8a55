/**
 * Shared objects that messages in hand name: taken by this thread and not read yet.
 *
 * Runs in every process and thread. A message that is read once counts as a hold of what it names. From when it is taken until
 * it is read that hold is listed as one of this thread, so that whoever finds it dead gives it back. Only who dies
 * between the taking and the listing leaves an object that is never freed, before the family ends.
 */
import { releaseCount } from '../substrate/shared-piece.js';
import { self } from '../substrate/self.js';

/** Lists the hold of a message that was taken. */
export function holdArrived(offset: number): void {
  const entry = self().holds.add(offset);
  const entries = held.get(offset);
  if (entries === undefined) held.set(offset, [entry]);
  else entries.push(entry);
}

/** How many such holds there are of an object. */
export function arrivedHolds(offset: number): number {
  return held.get(offset)?.length ?? 0;
}

/** Gives the hold of a message back. */
export function releaseArrived(offset: number): void {
  const entries = held.get(offset);
  const entry = entries?.pop();
  if (entries?.length === 0) held.delete(offset);
  if (entry !== undefined) self().holds.remove(entry);
  releaseCount(offset);
}

const held = new Map<number, number[]>();
