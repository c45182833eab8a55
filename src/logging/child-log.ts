/**
 * The log of one child as its parent reads it: both lanes in the order in which the records were made.
 *
 * Runs in parents.
 */
import type { ParticipantId } from '../substrate/participants.js';
import { complain, handleDropped } from './handle-entry.js';
import { BELOW_ERROR, ERRORS, type Lane, LaneReader, logOf } from './log-lane.js';
import type { TakenEntry } from './log-ring.js';

export class ChildLog {
  readonly #id: ParticipantId;
  readonly #takenOver: boolean;
  #lanes: readonly [LaneReader, LaneReader] | undefined;
  /** What was taken from each lane and is not handled yet. */
  readonly #fronts: [TakenEntry | undefined, TakenEntry | undefined] = [undefined, undefined];
  #isBroken = false;
  /** The record handled last: it tells whose records were dropped. */
  #last: TakenEntry | undefined;

  constructor(id: ParticipantId, { takenOver }: { readonly takenOver: boolean }) {
    this.#id = id;
    this.#takenOver = takenOver;
  }

  /** The next record; stays until `shift`. */
  oldest(): TakenEntry | undefined {
    if (!this.#open()) return undefined;
    const [below, error] = [this.#front(BELOW_ERROR), this.#front(ERRORS)];
    if (below === undefined || error === undefined) return below ?? error;
    return ((error.order - below.order) | 0) < 0 ? error : below;
  }

  /** Takes the next record; there is one. */
  shift(): TakenEntry {
    const entry = this.oldest() as TakenEntry;
    this.#fronts[entry === this.#fronts[BELOW_ERROR] ? BELOW_ERROR : ERRORS] = undefined;
    this.#last = entry;
    return entry;
  }

  /** Says how many records before this one were dropped, if any. */
  reportDropped(next: TakenEntry): void {
    const dropped = this.#lanes?.[BELOW_ERROR].takeDropped() ?? 0;
    if (dropped > 0) handleDropped(dropped, next);
  }

  /** The child is dead and all is read. */
  finish(): void {
    if (this.#lanes === undefined || this.#last === undefined) return;
    this.#lanes[BELOW_ERROR].finish();
    this.reportDropped(this.#last);
  }

  #front(lane: Lane): TakenEntry | undefined {
    return (this.#fronts[lane] ??= this.#take(lane));
  }

  #take(lane: Lane): TakenEntry | undefined {
    if (this.#isBroken) return undefined;
    try {
      return this.#lanes?.[lane].take();
    } catch (error) {
      this.#isBroken = true;
      complain('the log of a child cannot be read any more', error);
      return undefined;
    }
  }

  /** Whether the child has logged anything. */
  #open(): boolean {
    if (this.#lanes !== undefined) return true;
    const offset = logOf(this.#id);
    if (offset === 0) return false;
    const options = { takenOver: this.#takenOver };
    this.#lanes = [new LaneReader(offset, BELOW_ERROR, options), new LaneReader(offset, ERRORS, options)];
    return true;
  }
}
