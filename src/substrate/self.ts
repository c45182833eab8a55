/**
 * This thread as a member of the family: its participant id, doorbell and allocator.
 *
 * Runs in every process and thread. The first call founds a family, or joins that of the process; a child
 * process joins with what its parent left for it (`joinFamily`) before anything else happens.
 */
import { binding } from '../native/binding.js';
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
  isEntered,
  isProcessAlive,
  NOBODY,
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

let joined: Self | undefined;

/** This thread's membership; founds or joins a family at the first call. */
export function self(): Self {
  if (joined !== undefined) return joined;
  arena();
  return join(claimSlot(NOBODY), new Doorbell());
}

/** Puts another membership in place, and gives back the one before. */
export function exchangeSelf(other: Self | undefined): Self | undefined {
  const before = joined;
  joined = other;
  return before;
}

/** Whether this thread is a member of a family already. */
export function isMember(): boolean {
  return joined !== undefined;
}

/** Joins as the child that the parent made a slot for. */
export function joinFamily(inheritance: Inheritance): Self {
  attachArena(inheritance.arenaFd);
  if (!isEntered(inheritance.id)) binding().exitNow(1); // the parent died, and what it left was taken for nobody's
  return join(inheritance.id, new Doorbell(inheritance.doorbell));
}

/** Joins as the thread that another thread of this process made a slot for. */
export function joinFamilyAsThread(id: ParticipantId): Self {
  arena();
  return join(id, new Doorbell());
}

/**
 * Frees what a dead child left: its slots, its own memory, and all of that of its descendants.
 *
 * Descendants that still live, or are still dying, use memory of the dead: until they are gone its slot and memory stay,
 * and this thread looks again from time to time. If it ends before, whoever reclaims it finds them by the claimers.
 */
export function reclaimParticipant(dead: ParticipantId): void {
  if (reclaim(dead)) return;
  survived.add(dead);
  lookAgain(FIRST_LOOK_MS);
}

/** False: it has living descendants. */
function reclaim(dead: ParticipantId): boolean {
  const threads = [dead, ...sameProcess(dead)];
  let alone = true;
  for (const each of threads) {
    for (const child of claimedBy(each)) {
      if (!threads.includes(child) && (isProcessAlive(child) || !reclaim(child))) alone = false;
    }
    onReclaim?.(each);
    reclaimHolds(each);
    forgetBell(each);
  }
  if (!alone) return false;
  for (const each of threads) {
    freeSlot(each);
    self().allocator.reclaim(each);
  }
  return true;
}

/** The dead whose descendants live. */
const survived = new Set<ParticipantId>();
let look: NodeJS.Timeout | undefined;

/** Less and less often: most die with their parent, detached ones may live for long. */
function lookAgain(delay: number): void {
  look ??= setTimeout(() => {
    look = undefined;
    for (const dead of survived) if (reclaim(dead)) survived.delete(dead);
    if (survived.size > 0) lookAgain(Math.min(delay * 2, LONGEST_LOOK_MS));
  }, delay).unref();
}

const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 10_000;

/** Says what else to do with what a dead participant leaves, before it is freed; it may be told of one more than once. */
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

function join(id: ParticipantId, doorbell: Doorbell): Self {
  const allocator = new Allocator(id);
  joined = { id, origin: takeOrigin(), doorbell, allocator, holds: new Holds(id, allocator) };
  enterSlot(id, doorbell);
  doorbell.arm(id);
  return joined;
}
