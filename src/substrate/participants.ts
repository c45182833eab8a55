/**
 * The table that names every process and thread of the family: pid, start time, generation, doorbell.
 *
 * Runs in every process and thread. Owners and waiters are participants, never bare pids: a slot that was
 * freed and taken again has another generation, hence another id.
 *
 * Who may die at which step: a slot is claimed by a compare-exchange (FREE → CLAIMED, generation + 1), so a
 * claimer that dies leaves CLAIMED behind with its own id as claimer, and whoever reclaims the claimer frees
 * it. Who reads the claimer looks first for which generation it is, or it may be the one before. (A claimer killed
 * between the compare-exchange and saying so, within a microsecond, leaves one of 4032 slots taken.) LIVE is stored last,
 * after pid, start time and doorbell are whole. Whoever started a process or thread frees its slot, after having seen to
 * what it left; at a normal end it goes back to CLAIMED itself, of no process, before its doorbell is closed. What nobody
 * of the family started frees its slot itself.
 */
import { ResourceExhaustedError } from '../errors.js';
import { binding } from '../native/binding.js';
import { arena } from './arena.js';
import {
  GENERATION_SHIFT,
  HEADER_ORIGINS,
  HEADER_SLOTS_USED,
  PARTICIPANT_BYTES,
  PARTICIPANT_COUNT,
  PARTICIPANTS_OFFSET,
  SLOT_ARMED,
  SLOT_CLAIMED_GENERATION,
  SLOT_CLAIMER,
  SLOT_DOORBELL,
  SLOT_HOLDS,
  SLOT_LOGS,
  SLOT_LOGS_LOOK,
  SLOT_PID,
  SLOT_START_HIGH,
  SLOT_START_LOW,
  SLOT_STATE,
  STATE_CLAIMED,
  STATE_FREE,
  STATE_LIVE,
  STATE_MASK,
} from './layout.js';

const SLOT_BITS = 12;
const GENERATIONS = 2 ** (31 - SLOT_BITS);
/** A power that is not of literals is worked out anew wherever it stands, in 20 ns. */
const SLOTS = 2 ** SLOT_BITS;

/** slot + generation · 4096: a participant for ever. */
export type ParticipantId = number;

/** The slot of a participant. */
export function slotOf(id: ParticipantId): number {
  return id & (SLOTS - 1);
}

/** The words of a slot. */
export function slotWords(slot: number): Int32Array {
  return arena().words(PARTICIPANTS_OFFSET + slot * PARTICIPANT_BYTES, PARTICIPANT_BYTES);
}

/**
 * Takes a free slot for a child about to be started, or for this thread.
 *
 * @throws {ResourceExhaustedError} If all 4032 slots are taken.
 */
export function claimSlot(claimer: ParticipantId): ParticipantId {
  for (let slot = 0; slot < PARTICIPANT_COUNT; slot++) {
    const words = slotWords(slot);
    const state = Atomics.load(words, SLOT_STATE);
    if ((state & STATE_MASK) !== STATE_FREE) continue;
    const generation = ((state >>> GENERATION_SHIFT) + 1) % GENERATIONS;
    const claimed = (generation << GENERATION_SHIFT) | STATE_CLAIMED;
    if (Atomics.compareExchange(words, SLOT_STATE, state, claimed) !== state) continue;
    for (const word of [SLOT_PID, SLOT_START_LOW, SLOT_START_HIGH]) Atomics.store(words, word, 0); // of no process yet
    Atomics.store(words, SLOT_CLAIMER, claimer);
    Atomics.store(words, SLOT_ARMED, 0);
    Atomics.store(words, SLOT_HOLDS, 0);
    Atomics.store(words, SLOT_LOGS, 0);
    Atomics.store(words, SLOT_LOGS_LOOK, 0);
    Atomics.store(words, SLOT_CLAIMED_GENERATION, generation);
    raiseSlotsUsed(slot + 1);
    return generation * SLOTS + slot;
  }
  throw new ResourceExhaustedError(`Cannot start another process or thread: ${PARTICIPANT_COUNT} of one family are alive`, {
    code: 'EAGAIN',
    errno: 11,
    syscall: 'claimSlot',
  });
}

/**
 * Says which process will enter a slot, as soon as it exists: until then the slot is that of a dead one, and the claimer's
 * death would free it.
 */
export function describeSlot(id: ParticipantId, pid: number): void {
  const words = slotWords(slotOf(id));
  const start = pid === process.pid ? ownStart() : binding().processStartTime(pid);
  Atomics.store(words, SLOT_START_LOW, start | 0);
  Atomics.store(words, SLOT_START_HIGH, Math.floor(start / 2 ** 32));
  Atomics.store(words, SLOT_PID, pid);
}

/** When this process was started; a copy of it has another number, and looks again. */
function ownStart(): number {
  if (own?.pid !== process.pid || own.start === 0) own = { pid: process.pid, start: binding().processStartTime(process.pid) };
  return own.start;
}

let own: { readonly pid: number; readonly start: number } | undefined;

/** Claimer of a slot that nobody else claimed. */
export const NOBODY = -1;

/** Fills in the slot of this thread and makes it known. */
export function enterSlot(id: ParticipantId, doorbell: { member: number; writeFd: number }): void {
  const words = slotWords(slotOf(id));
  describeSlot(id, process.pid);
  Atomics.store(words, SLOT_DOORBELL, doorbell.writeFd);
  const state = Atomics.load(words, SLOT_STATE);
  Atomics.store(words, SLOT_STATE, (state & ~STATE_MASK) | STATE_LIVE);
  const hasStarter = Atomics.load(words, SLOT_CLAIMER) !== NOBODY;
  binding().ownSlot(doorbell.member, slotOf(id), hasStarter);
}

/** Frees the slot of a participant that is dead or was never started; a later one in the same slot is left alone. */
export function freeSlot(id: ParticipantId): void {
  const words = slotWords(slotOf(id));
  const state = Atomics.load(words, SLOT_STATE);
  if (idAt(slotOf(id), state) !== id || (state & STATE_MASK) === STATE_FREE) return;
  Atomics.compareExchange(words, SLOT_STATE, state, state & ~STATE_MASK);
}

/** Whether the participant's slot is still its own. */
export function isEntered(id: ParticipantId): boolean {
  const state = Atomics.load(slotWords(slotOf(id)), SLOT_STATE);
  return (state & STATE_MASK) !== STATE_FREE && idAt(slotOf(id), state) === id;
}

/** Participants that `claimer` claimed and that are still entered: its children, and itself. */
export function claimedBy(claimer: ParticipantId): ParticipantId[] {
  const used = Atomics.load(arena().header, HEADER_SLOTS_USED);
  const found: ParticipantId[] = [];
  for (let slot = 0; slot < used; slot++) {
    const words = slotWords(slot);
    const state = Atomics.load(words, SLOT_STATE);
    const isKnown = Atomics.load(words, SLOT_CLAIMED_GENERATION) === state >>> GENERATION_SHIFT;
    if ((state & STATE_MASK) !== STATE_FREE && isKnown && Atomics.load(words, SLOT_CLAIMER) === claimer)
      found.push(idAt(slot, state));
  }
  return found;
}

/** Participants of the same process as `id`: its threads, and other copies of the library in it. */
export function sameProcess(id: ParticipantId): ParticipantId[] {
  const own = slotWords(slotOf(id));
  if ((Atomics.load(own, SLOT_STATE) & STATE_MASK) !== STATE_LIVE) return [];
  const used = Atomics.load(arena().header, HEADER_SLOTS_USED);
  const found: ParticipantId[] = [];
  for (let slot = 0; slot < used; slot++) {
    const words = slotWords(slot);
    const state = Atomics.load(words, SLOT_STATE);
    const same = [SLOT_PID, SLOT_START_LOW, SLOT_START_HIGH].every(
      (word) => Atomics.load(words, word) === Atomics.load(own, word),
    );
    if (same && (state & STATE_MASK) === STATE_LIVE && slot !== slotOf(id)) found.push(idAt(slot, state));
  }
  return found;
}

/** Whether a process is of the family now. */
export function isFamilyProcess(pid: number): boolean {
  const used = Atomics.load(arena().header, HEADER_SLOTS_USED);
  for (let slot = 0; slot < used; slot++) {
    const words = slotWords(slot);
    const state = Atomics.load(words, SLOT_STATE);
    if ((state & STATE_MASK) !== STATE_LIVE || Atomics.load(words, SLOT_PID) !== pid) continue;
    if (isProcessAlive(idAt(slot, state))) return true;
  }
  return false;
}

/** Whether the process that entered this slot still runs. */
export function isProcessAlive(id: ParticipantId): boolean {
  const words = slotWords(slotOf(id));
  const start = (Atomics.load(words, SLOT_START_HIGH) >>> 0) * 2 ** 32 + (Atomics.load(words, SLOT_START_LOW) >>> 0);
  return start !== 0 && binding().processStartTime(Atomics.load(words, SLOT_PID)) === start;
}

/** A number that no other process or thread of the family ever gets. */
export function takeOrigin(): number {
  return Atomics.add(arena().header, HEADER_ORIGINS, 1) + 1;
}

function idAt(slot: number, state: number): ParticipantId {
  return (state >>> GENERATION_SHIFT) * SLOTS + slot;
}

function raiseSlotsUsed(count: number): void {
  const { header } = arena();
  for (;;) {
    const seen = Atomics.load(header, HEADER_SLOTS_USED);
    if (seen >= count || Atomics.compareExchange(header, HEADER_SLOTS_USED, seen, count) === seen) return;
  }
}
