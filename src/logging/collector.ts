/**
 * Takes the records of this process's children out of their memory and hands them to whoever handles them here.
 *
 * Runs in parents, one per thread. Of several children the oldest record comes first; those of one child come in the order in
 * which they were made. Never waits, and never lets an error of a handler out.
 *
 * While records come it looks by itself every few milliseconds, and its children need not ring (`SLOT_LOGS_LOOK`).
 * A child stores its record, then looks at that word; this process clears the word, then looks once more for records: one of the two sees
 * the other. A child killed before it rang leaves the word set and its parent asleep: its death wakes the parent.
 */
import { now } from '../substrate/clock.js';
import type { Pump } from '../substrate/doorbell.js';
import { SLOT_LOGS, SLOT_LOGS_LOOK } from '../substrate/layout.js';
import { claimedBy, type ParticipantId, slotOf, slotWords } from '../substrate/participants.js';
import { beforeReclaim, self } from '../substrate/self.js';
import { ChildLog } from './child-log.js';
import { handleEntry } from './handle-entry.js';
import { logOf } from './log-lane.js';

/** A turn of the event loop handles records for so long. */
const BUDGET_MS = 5;
const LOOK_MS = 10;

class LogCollector implements Pump {
  readonly #children = new Map<ParticipantId, ChildLog>();
  readonly #own = self().id;
  readonly #words = slotWords(slotOf(this.#own));
  #timer: NodeJS.Timeout | undefined;

  add(id: ParticipantId): void {
    this.#children.set(id, new ChildLog(id, { takenOver: false }));
  }

  /** Handles all that is left of a dead child, and what others logged before. */
  end(id: ParticipantId): void {
    const child = this.#children.get(id) ?? this.#takeOver(id);
    if (child === undefined) return;
    while (child.oldest() !== undefined) this.#handleOldest();
    child.finish();
    this.#children.delete(id);
    Atomics.store(slotWords(slotOf(id)), SLOT_LOGS, 0);
  }

  pump(): boolean {
    if (this.#timer !== undefined || Atomics.load(this.#words, SLOT_LOGS_LOOK) === 0) return false;
    this.#look();
    return false;
  }

  pending(): boolean {
    return this.#timer === undefined && Atomics.load(this.#words, SLOT_LOGS_LOOK) !== 0;
  }

  /** Handles everything there is. */
  drain(): void {
    while (this.#handleOldest());
  }

  /** A member died: what its children have logged so far, it will not hand on any more. They die with it. */
  endFamilyOf(dead: ParticipantId): void {
    this.end(dead);
    for (const child of claimedBy(dead)) if (child !== dead) this.endFamilyOf(child);
  }

  /** Of a descendant whose parent is dead. */
  #takeOver(id: ParticipantId): ChildLog | undefined {
    if (logOf(id) === 0) return undefined;
    const child = new ChildLog(id, { takenOver: true });
    this.#children.set(id, child);
    return child;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#drainFor(BUDGET_MS)) {
      this.#lookLater();
      return;
    }
    Atomics.store(this.#words, SLOT_LOGS_LOOK, 0);
    if (!this.#drainFor(BUDGET_MS)) return;
    Atomics.store(this.#words, SLOT_LOGS_LOOK, this.#own);
    this.#lookLater();
  };

  #lookLater(): void {
    this.#timer = setTimeout(this.#look, LOOK_MS).unref();
  }

  /** Whether there was anything. */
  #drainFor(budgetMs: number): boolean {
    const stop = now() + budgetMs;
    let any = false;
    while (this.#handleOldest()) {
      any = true;
      if (now() > stop) break;
    }
    return any;
  }

  #handleOldest(): boolean {
    if (this.#choose() === undefined) return false;
    // The child looked at first may have logged after that look and yet before the one looked at last: a second look sees it.
    const child = this.#choose() as ChildLog;
    const entry = child.shift();
    child.reportDropped(entry);
    handleEntry(entry);
    return true;
  }

  /** The child whose next record is the oldest. */
  #choose(): ChildLog | undefined {
    let chosen: ChildLog | undefined;
    let time = Number.POSITIVE_INFINITY;
    for (const child of this.#children.values()) {
      const entry = child.oldest();
      if (entry === undefined || (chosen !== undefined && time <= entry.time)) continue;
      chosen = child;
      ({ time } = entry);
    }
    return chosen;
  }
}

let only: LogCollector | undefined;

/** Handles the records of a child from now on. */
export function collectLogs(id: ParticipantId): void {
  if (only === undefined) {
    only = new LogCollector();
    self().doorbell.add(only);
    beforeReclaim((dead) => only?.endFamilyOf(dead));
  }
  only.add(id);
}

/** Handles what is left of a child that is dead. */
export function collectRest(id: ParticipantId): void {
  only?.end(id);
}

/** Handles all that children have logged so far; for the end of this process. */
export function collectAll(): void {
  only?.drain();
}
