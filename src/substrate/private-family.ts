/**
 * A family of one process, in memory of its own: what a child does at its start can be done in it, and nobody sees it.
 *
 * Runs in fork servers and their children, before those are members of anything. All happens within one call, so no other
 * code of the process meets this family. Who dies in it leaves nothing: not a byte of it is shared.
 */
import { exchangeArena, describeArena } from './arena.js';
import { EXTENT_ENTRY_BYTES, EXTENTS_MAX, PARTICIPANT_COUNT, SLOT_STATE, STATE_CLAIMED, TABLES_END } from './layout.js';
import { type ParticipantId, slotOf, slotWords } from './participants.js';
import { exchangeSelf } from './self.js';

/** Slots behind those of the family: the addon, which knows the true one only, takes them for none. */
export const PRIVATE_PARENT: ParticipantId = PARTICIPANT_COUNT;
export const PRIVATE_CHILD: ParticipantId = PARTICIPANT_COUNT + 1;

/** Where memory is free, as much as is wanted. */
export const PRIVATE_OFFSET: number = 2 ** 20;

/** Calls `act` where this process is a child that has a slot and has not entered it; what it did to the family is gone then. */
export function inPrivateFamily(act: () => void): void {
  const views = new Map<number, ArrayBuffer>();
  const memory = (offset: number, bytes: number): ArrayBuffer => {
    let view = views.get(offset);
    if (view === undefined || view.byteLength < bytes) views.set(offset, (view = new ArrayBuffer(bytes)));
    return view;
  };
  const arena = exchangeArena(describeArena(-1, TABLES_END + EXTENTS_MAX * EXTENT_ENTRY_BYTES, memory, 20));
  const member = exchangeSelf(undefined);
  try {
    Atomics.store(slotWords(slotOf(PRIVATE_CHILD)), SLOT_STATE, STATE_CLAIMED);
    act();
  } finally {
    const own = exchangeSelf(member);
    exchangeArena(arena);
    own?.doorbell.close();
  }
}
