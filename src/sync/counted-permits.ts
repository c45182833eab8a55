/**
 * Permits of a semaphore as a number: nobody knows who has them.
 *
 * Runs in every process and thread. One word, changed by compare-exchange: who dies has either changed it or not, and
 * permits that it had taken are lost.
 */
import { ProcessError } from '../errors.js';
import type { Permits } from './permits.js';

const MOST = 2 ** 31 - 1;

export class CountedPermits implements Permits {
  readonly #words: Int32Array;
  readonly #word: number;

  constructor(words: Int32Array, word: number) {
    this.#words = words;
    this.#word = word;
  }

  set(value: number): void {
    Atomics.store(this.#words, this.#word, value);
  }

  take(): boolean {
    for (;;) {
      const seen = Atomics.load(this.#words, this.#word);
      if (seen <= 0) return false;
      if (Atomics.compareExchange(this.#words, this.#word, seen, seen - 1) === seen) return true;
    }
  }

  give(count: number): void {
    for (;;) {
      const seen = Atomics.load(this.#words, this.#word);
      if (seen > MOST - count)
        throw new ProcessError(`Cannot release the semaphore: its value would be above ${MOST}`, { code: 'ERR_MP_OVER_RELEASE' });
      if (Atomics.compareExchange(this.#words, this.#word, seen, seen + count) === seen) return;
    }
  }

  value(): number {
    return Atomics.load(this.#words, this.#word);
  }
}
