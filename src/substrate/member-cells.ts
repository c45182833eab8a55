/**
 * A word for each participant that takes part in something, so that those of the dead can be found.
 *
 * Runs in every process and thread. A cell is two words: the participant (id + 1; 0: free) and its word. Who may die at
 * which step: a cell is taken by a compare-exchange of its first word while its second is 0, and freed the other way
 * round by whoever finds its owner dead.
 */
import { ResourceExhaustedError } from '../errors.js';
import { arena } from './arena.js';
import { isEntered, type ParticipantId } from './participants.js';
import { self } from './self.js';
import { type WatchedWord, watchedWord } from './spin.js';

/** So many processes and threads may take part at a time. */
const CELLS = 256;
/** Bytes of zeroed memory that the cells need. */
export const MEMBER_CELLS_BYTES: number = CELLS * 8;

export class MemberCells {
  readonly #words: Int32Array;
  readonly #offset: number;
  #own = -1;

  constructor(offset: number) {
    this.#offset = offset;
    this.#words = arena().words(offset, MEMBER_CELLS_BYTES);
  }

  /** The cell of this thread. @throws {ResourceExhaustedError} If 256 others take part. */
  own(): number {
    if (this.#own >= 0) return this.#own;
    const id = self().id;
    for (let cell = 0; cell < CELLS; cell++) {
      if (Atomics.load(this.#words, cell * 2) !== id + 1) continue; // of an object of this thread that is garbage now
      this.#own = cell;
      return cell;
    }
    for (let round = 0; round < 2; round++) {
      for (let cell = 0; cell < CELLS; cell++) {
        if (Atomics.compareExchange(this.#words, cell * 2, 0, id + 1) !== 0) continue;
        this.#own = cell;
        return cell;
      }
      this.#freeDead();
    }
    throw new ResourceExhaustedError(`Cannot wait: ${CELLS} other processes and threads take part already`, {
      code: 'EAGAIN',
      errno: 11,
      syscall: 'wait',
    });
  }

  /** The word of this thread's cell, for whoever waits until it changes. */
  get ownWord(): WatchedWord {
    return watchedWord(this.#words, this.own() * 2 + 1, this.#offset);
  }

  load(cell: number): number {
    return Atomics.load(this.#words, cell * 2 + 1);
  }

  store(cell: number, word: number): void {
    Atomics.store(this.#words, cell * 2 + 1, word);
  }

  /** Whether the word was `before` and is `after` now. */
  change(cell: number, before: number, after: number): boolean {
    return Atomics.compareExchange(this.#words, cell * 2 + 1, before, after) === before;
  }

  /** Cells of others than the dead, beginning with that after `from`. */
  *taken(from: number): Generator<number> {
    for (let i = 1; i <= CELLS; i++) {
      const cell = (from + i) % CELLS;
      const id = Atomics.load(this.#words, cell * 2);
      if (id !== 0 && isEntered(id - 1)) yield cell;
    }
  }

  /** Frees the cell of a dead participant; gives the word it had, 0 if it had none. */
  free(dead: ParticipantId): number {
    for (let cell = 0; cell < CELLS; cell++) {
      if (Atomics.load(this.#words, cell * 2) !== dead + 1) continue;
      const word = Atomics.exchange(this.#words, cell * 2 + 1, 0);
      Atomics.compareExchange(this.#words, cell * 2, dead + 1, 0);
      return word;
    }
    return 0;
  }

  /** The cell of a participant; −1: it has none. */
  cellOf(id: ParticipantId): number {
    for (let cell = 0; cell < CELLS; cell++) if (Atomics.load(this.#words, cell * 2) === id + 1) return cell;
    return -1;
  }

  #freeDead(): void {
    for (let cell = 0; cell < CELLS; cell++) {
      const id = Atomics.load(this.#words, cell * 2);
      if (id !== 0 && !isEntered(id - 1)) this.free(id - 1);
    }
  }
}
