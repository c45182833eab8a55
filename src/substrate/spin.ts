/**
 * Waiting awake: for what comes within microseconds, where a sleep and a wake would take longer.
 *
 * Runs in every process and thread.
 */
import { binding } from '../native/binding.js';

/** A word of the arena that changes whenever there may be what is waited for. */
export interface WatchedWord {
  readonly offset: number;
  /** The word. */
  readonly version: number;
}

/** A word of `words`, which begin at `offset` of the arena. */
export function watchedWord(words: Int32Array, word: number, offset: number): WatchedWord {
  return {
    offset: offset + word * 4,
    get version() {
      return Atomics.load(words, word);
    },
  };
}

/** Looks until the word at `offset` of the arena is no longer `expected`. False: it is after so many microseconds, or there is one CPU only. */
export function spinWhile(offset: number, expected: number, limitUs: number): boolean {
  return binding().spinWhile(offset, expected, limitUs) !== 0;
}

/** How long one waiter looks awake before it sleeps: learnt from how long its last waits took. */
export class SpinTime {
  readonly #words = new Int32Array(3);

  /** Microseconds; 0: it sleeps at once. */
  get us(): number {
    return this.#words[0] as number;
  }

  /** A wait took so many microseconds, with the sleep in it if there was one. */
  learn(waitedUs: number): void {
    binding().spinLearn(this.#words, waitedUs);
  }
}
