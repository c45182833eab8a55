/**
 * Who has which item of a queue in hand, so that one that dies with its taker is counted.
 *
 * Runs in every process and thread. A cell's word: bits 2… the number of the item (modulo 2^29), bit 1 that there is one,
 * bit 0 that the next taker saw it taken. Who may die at which step: the note is made before the item is taken; it
 * counts if the side's state names its taker as the last one, and, once somebody else takes, if that one confirmed it.
 */
import { MemberCells } from '../substrate/member-cells.js';
import type { ParticipantId } from '../substrate/participants.js';
import type { Standing } from './side-state.js';

const NOTED = 2;
const CONFIRMED = 1;
const NUMBERS = 0x1fffffff;

/** The notes of takers, as the one of this thread makes them. */
export class Takers {
  readonly #cells: MemberCells;

  constructor(offset: number) {
    this.#cells = new MemberCells(offset);
  }

  /** Notes that the next item will be taken; with the get lock held. What names this taker in the side's state. */
  begin({ count, by }: Standing): number {
    const own = this.#cells.own();
    // A note of its own is replaced: whoever takes again has what it took before.
    if (by !== 0 && by !== own + 1) this.#cells.change(by - 1, noteOf(count - 1), noteOf(count - 1) | CONFIRMED);
    this.#cells.store(own, noteOf(count));
    return own + 1;
  }

  /** The item is where it belongs. */
  delivered(): void {
    this.#cells.store(this.#cells.own(), 0);
  }
}

/** Frees the cell of a dead taker; whether it had an item in hand. */
export function hadInHand(cells: MemberCells, dead: ParticipantId, { count, by }: Standing): boolean {
  const cell = cells.cellOf(dead);
  if (cell < 0) return false;
  const note = cells.free(dead);
  if ((note & CONFIRMED) !== 0) return true;
  return note !== 0 && note === noteOf(count - 1) && by === cell + 1;
}

function noteOf(item: number): number {
  return ((item & NUMBERS) << 2) | NOTED;
}
