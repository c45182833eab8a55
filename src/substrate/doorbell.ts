/**
 * Waking an event loop from another process: each thread has one doorbell, a pipe that any member of the
 * family can write to, and one word `armed` that says whether it wants to be rung.
 *
 * Runs in every process and thread.
 *
 * Protocol. A sender first publishes (a seq-cst store to a ring or word), then looks at `armed`; a receiver
 * first sets `armed`, then looks once more at what may have been published. One of the two sees the other,
 * so nothing sleeps on unread work, and a receiver that is busy costs its senders no system call. Where rings come soon one after
 * the other the receiver listens for some microseconds before it sleeps: it changes the word to LISTENING and back, and
 * a ring is a change of the word, so that one of the two fails and knows.
 *
 * Who may die at which step: a sender killed between taking `armed` and writing the byte loses one ring;
 * its parent's supervisor thread rings everybody at each death. A dead receiver is not rung: its slot, and the flag in
 * it, may belong to another one by then, whose flag must not be taken without ringing that one; a listener sees it taken.
 */
import { binding } from '../native/binding.js';
import { orThrow } from './failure.js';
import { faultPoint } from './fault.js';
import { SLOT_ARMED } from './layout.js';
import { isEntered, type ParticipantId, slotOf, slotWords } from './participants.js';

/** What `armed` says. */
const BUSY = 0;
const ASLEEP = 1;
/** It looks at this word for some microseconds before it sleeps (`native/doorbell.c`). */
const LISTENING = 2;

/** Whether the event loop is to be kept alive, and whether it is. */
const WANTED_ALIVE = 0;
const KEPT_ALIVE = 1;

/** Something that work arrives at. */
export interface Pump {
  /** Handles what has arrived, within a budget. True: there is more, call again in the next turn. */
  pump(): boolean;
  /** Whether work waits; asked after arming. */
  pending(): boolean;
}

/** The doorbell of this thread (of this copy of the library in it). */
export class Doorbell {
  /** The number by which the addon knows this copy of the library. */
  readonly member: number;
  readonly readFd: number;
  readonly writeFd: number;
  #words: Int32Array | undefined;
  readonly #pumps = new Set<Pump>();
  readonly #alive: Int32Array;
  #holds = 0;
  #again = false;

  constructor(fds?: { readFd: number; writeFd: number }) {
    const opened = orThrow(
      'open the doorbell',
      binding().doorbellOpen(() => this.turn(), fds?.readFd ?? -1, fds?.writeFd ?? -1),
    );
    this.member = opened.member;
    this.readFd = opened.readFd;
    this.writeFd = opened.writeFd;
    this.#alive = opened.alive;
  }

  /** Closes the one that was opened last, of a membership that was none (`private-family.ts`). */
  close(): void {
    binding().doorbellClose(this.member);
  }

  /** Ties it to this thread's slot; before that it rings at every write. */
  arm(id: ParticipantId): void {
    this.#words = slotWords(slotOf(id));
    Atomics.store(this.#words, SLOT_ARMED, ASLEEP);
  }

  add(pump: Pump): void {
    this.#pumps.add(pump);
    this.turnSoon();
  }

  /** Adds a pump that its owner asks itself once more, now that it can be rung for: no turn is needed for it. */
  addIdle(pump: Pump): void {
    this.#pumps.add(pump);
  }

  remove(pump: Pump): void {
    this.#pumps.delete(pump);
  }

  /** Keeps the event loop alive until released as often as held. */
  hold(): void {
    if (this.#holds++ > 0) return;
    this.#alive[WANTED_ALIVE] = 1;
    if (this.#alive[KEPT_ALIVE] === 0) binding().doorbellKeepAlive(this.member);
  }

  release(): void {
    if (--this.#holds === 0) this.#alive[WANTED_ALIVE] = 0; // seen before the loop sleeps: mostly somebody waits again by then
  }

  /** Lets every pump work, then arms. Called by the event loop; calling it at any other time is harmless. */
  turn(): void {
    let more = false;
    for (const pump of this.#pumps) more = pump.pump() || more;
    if (this.#words !== undefined) Atomics.store(this.#words, SLOT_ARMED, ASLEEP);
    for (const pump of this.#pumps) more = more || pump.pending();
    if (more) this.turnSoon();
  }

  /** Has a turn happen soon, for what this thread has done itself. */
  turnSoon(): void {
    if (this.#again) return;
    this.#again = true;
    setImmediate(() => {
      this.#again = false;
      this.turn();
    });
  }
}

/** The way to wake another participant. */
export class Bell {
  readonly #words: Int32Array;
  readonly #id: ParticipantId;
  readonly #slot: number;
  #fd: number;

  /** @param fd The write end where it is known already (this object then owns it); else it is opened at need. */
  constructor(id: ParticipantId, fd = -1) {
    this.#id = id;
    this.#slot = slotOf(id);
    this.#words = slotWords(this.#slot);
    this.#fd = fd;
  }

  /** Wakes the other one unless it is awake anyway. What it shall see must be published already. */
  ring(): void {
    let seen = Atomics.load(this.#words, SLOT_ARMED);
    if (seen === BUSY || !isEntered(this.#id)) return;
    for (;;) {
      const was = Atomics.compareExchange(this.#words, SLOT_ARMED, seen, BUSY);
      if (was === seen) break;
      if (was === BUSY) return; // somebody else rings it
      seen = was; // it goes to sleep this moment, or wakes
    }
    if (seen === LISTENING) return; // it looks at this very word
    faultPoint('doorbell.beforeRing');
    if (!isEntered(this.#id)) {
      this.#ringSuccessor();
      return;
    }
    if (this.#fd < 0) this.#fd = binding().doorbellOfSlot(this.#slot);
    if (this.#fd >= 0) binding().ringFd(this.#fd);
  }

  close(): void {
    if (this.#fd >= 0) binding().closeFd(this.#fd);
    this.#fd = -1;
  }

  /** The participant died this moment and another one has its slot: that one's flag was taken, so it must be rung. */
  #ringSuccessor(): void {
    const fd = binding().doorbellOfSlot(this.#slot);
    if (fd < 0) return;
    binding().ringFd(fd);
    binding().closeFd(fd);
  }
}
