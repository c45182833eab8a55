/**
 * This thread as a member of the family: its participant id, doorbell and allocator.
 *
 * Runs in every process and thread. The first call founds a family, or joins that of the process; a child
 * process joins with what its parent left for it (`joinFamily`) before anything else happens.
 */
import { Allocator } from './allocator.js';
import { arena, attachArena } from './arena.js';
import { forgetBell } from './bells.js';
import { Doorbell } from './doorbell.js';
import { freeHoldsList, Holds, holdsOf, peekHoldsOf } from './holds.js';
import {
  claimedBy,
  claimSlot,
  enterSlot,
  freeSlot,
  isProcessAlive,
  type ParticipantId,
  sameProcess,
  takeOrigin,
} from './participants.js';

export interface Self {
  readonly id: ParticipantId;
  /** Unique in the family for ever. */
  readonly origin: number;
  readonly doorbell: Doorbell;
  readonly allocator: Allocator;
  readonly holds: Holds;
}

/** What a child process inherits. */
export interface Inheritance {
  readonly arenaFd: number;
  readonly id: ParticipantId;
  readonly doorbell: { readFd: number; writeFd: number };
}

/** Claimer of a slot that nobody else claimed. */
const NOBODY = -1;

let joined: Self | undefined;

/** This thread's membership; founds or joins a family at the first call. */
export function self(): Self {
  if (joined !== undefined) return joined;
  arena();
  return join(claimSlot(NOBODY), new Doorbell());
}

/** Whether this thread is a member of a family already. */
export function isMember(): boolean {
  return joined !== undefined;
}

/** Joins as the child that the parent made a slot for. */
export function joinFamily(inheritance: Inheritance): Self {
  attachArena(inheritance.arenaFd);
  return join(inheritance.id, new Doorbell(inheritance.doorbell));
}

/** Joins as the thread that another thread of this process made a slot for. */
export function joinFamilyAsThread(id: ParticipantId): Self {
  arena();
  return join(id, new Doorbell(), 'thread');
}

/** Frees what a dead child left: its slots, its own memory, and all of that of its descendants that are dead too. */
export function reclaimParticipant(dead: ParticipantId): void {
  for (const child of claimedBy(dead)) {
    if (child !== dead && !isProcessAlive(child)) reclaimParticipant(child);
  }
  const others = sameProcess(dead);
  onReclaim?.(dead);
  reclaimHolds(dead);
  forgetBell(dead);
  freeSlot(dead);
  self().allocator.reclaim(dead);
  for (const other of others) reclaimParticipant(other);
}

/** Says what else to do with what a dead participant leaves, before it is freed. */
export function beforeReclaim(handler: (dead: ParticipantId) => void): void {
  onReclaim = handler;
}

let onReclaim: ((dead: ParticipantId) => void) | undefined;

/** What is to be done with a shared object of which a holder died, and when a hold is given back. */
export interface HolderDeath {
  /** Repairs and wakes what the dead took part in. */
  died(offset: number, dead: ParticipantId): void;
  /** Gives the hold of the dead back. */
  release(offset: number): void;
}

/** Says what to do with the holds of the dead; nobody has holds before. */
export function onHolderDeath(handler: HolderDeath): void {
  holderDeath = handler;
}

let holderDeath: HolderDeath | undefined;

/** First all objects learn of the death, then the holds go: an object may be freed with the last. */
function reclaimHolds(dead: ParticipantId): void {
  for (const offset of peekHoldsOf(dead)) holderDeath?.died(offset, dead);
  for (const offset of holdsOf(dead)) holderDeath?.release(offset);
  freeHoldsList(dead, self().allocator);
}

function join(id: ParticipantId, doorbell: Doorbell, startedBy?: 'thread'): Self {
  const allocator = new Allocator(id);
  joined = { id, origin: takeOrigin(), doorbell, allocator, holds: new Holds(id, allocator) };
  enterSlot(id, doorbell, startedBy);
  doorbell.arm(id);
  return joined;
}
