/**
 * Which event loops wait at a wait point.
 *
 * Runs in every process and thread.
 *
 * ```text
 * word 0   cells taken, or more    1   participants that wait and found no cell
 *      2   where the cells end that were ever taken: never less than it was
 *      3…  cells: participants (id + 1) whose event loop waits
 * ```
 *
 * Who may die at which step: a waiter between the count and its cell leaves a count too many: wakers look in vain. The cell of a dead
 * one goes with the next ring that finds it, or the next waiter that needs one.
 */
import { binding } from '../native/binding.js';
import { ringParticipant } from './bells.js';
import { faultPoint } from './fault.js';
import { isEntered } from './participants.js';
import { self } from './self.js';

const TAKEN = 0;
const OVERFLOW = 1;
const USED_END = 2;
const FIRST_CELL = 3;

/** The cells as one object of this thread sees them. */
export class LoopCells {
  readonly #words: Int32Array;
  #own = -1;

  /** @param words Zeroed words of the arena; the cells take all of them. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Whether an event loop may wait. */
  get areTaken(): boolean {
    return Atomics.load(this.#words, TAKEN) !== 0;
  }

  /** Rings the event loops that wait; whether the waits of this very object are among them. */
  ring(): boolean {
    const words = this.#words;
    const own = self().id + 1;
    let isOwn = false;
    faultPoint('point.beforeRing');
    // Read after what was published: whoever took a cell behind it comes after that, and tries once more.
    const end = Atomics.load(words, USED_END);
    for (let cell = FIRST_CELL; cell < end; cell++) {
      const id = Atomics.load(words, cell);
      if (id === own && cell === this.#own) isOwn = true;
      else if (id === own)
        self().doorbell.turnSoon(); // another object of this thread that waits at the same point
      else if (id !== 0 && isEntered(id - 1)) ringParticipant(id - 1);
      else if (id !== 0) this.#free(cell, id);
    }
    if (Atomics.load(words, OVERFLOW) !== 0) binding().ringFamily();
    return isOwn;
  }

  /** This object waits. */
  take(): void {
    const words = this.#words;
    const own = self().id + 1;
    Atomics.add(words, TAKEN, 1);
    for (let round = 0; round < 2; round++) {
      for (let cell = FIRST_CELL; cell < words.length; cell++) {
        if (Atomics.load(words, cell) !== 0) continue;
        this.#useUpTo(cell + 1);
        if (Atomics.compareExchange(words, cell, 0, own) !== 0) continue;
        this.#own = cell;
        return;
      }
      this.#freeDead();
    }
    Atomics.add(words, OVERFLOW, 1);
  }

  /** This object waits no longer. */
  give(): void {
    if (this.#own >= 0) this.#free(this.#own, self().id + 1);
    else for (const word of [OVERFLOW, TAKEN]) Atomics.sub(this.#words, word, 1);
    this.#own = -1;
  }

  /** Has the wakers look so far; before a cell there is taken. */
  #useUpTo(end: number): void {
    const words = this.#words;
    for (let used = Atomics.load(words, USED_END); used < end; ) {
      const seen = Atomics.compareExchange(words, USED_END, used, end);
      if (seen === used) return;
      used = seen;
    }
  }

  #freeDead(): void {
    for (let cell = FIRST_CELL; cell < this.#words.length; cell++) {
      const id = Atomics.load(this.#words, cell);
      if (id !== 0 && !isEntered(id - 1)) this.#free(cell, id);
    }
  }

  #free(cell: number, id: number): void {
    if (Atomics.compareExchange(this.#words, cell, id, 0) === id) Atomics.sub(this.#words, TAKEN, 1);
  }
}
