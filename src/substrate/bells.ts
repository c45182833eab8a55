/**
 * The doorbells of other participants that this thread has rung lately, kept open.
 *
 * Runs in every process and thread. A bell that belongs to a dead participant rings nobody and is closed when
 * others push it out.
 */
import { Bell } from './doorbell.js';
import type { ParticipantId } from './participants.js';

/** Wakes a participant, unless it is awake. What it shall see must be published already. */
export function ringParticipant(id: ParticipantId): void {
  let bell = bells.get(id);
  if (bell === undefined) {
    bell = new Bell(id);
    bells.set(id, bell);
    if (bells.size > KEPT) closeOldest();
  }
  bell.ring();
}

/** Closes the bell of a participant that is dead. */
export function forgetBell(id: ParticipantId): void {
  bells.get(id)?.close();
  bells.delete(id);
}

function closeOldest(): void {
  for (const [id, bell] of bells) {
    bells.delete(id);
    bell.close();
    return;
  }
}

const KEPT = 64;
const bells = new Map<ParticipantId, Bell>();
