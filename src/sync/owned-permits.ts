/**
 * Permits of a semaphore that know who took them, so that those of the dead come back.
 *
 * Runs in every process and thread. One word for each permit:
 *
 * ```text
 * −1       not there (a semaphore that may be raised has room for more)
 * 0        free
 * id + 1   taken by this participant
 * ```
 *
 * Who may die at which step: a permit changes hands by one compare-exchange of its word, so it is either free or its
 * owner's; whoever finds the owner dead frees the words with its id. A permit may be released by somebody else than who
 * took it: then some other taken one is freed. Who gives back several does so one by one: if it dies before the last,
 * those that it had are free all the same.
 */
import { ProcessError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';
import type { ParticipantId } from '../substrate/participants.js';
import { self } from '../substrate/self.js';
import type { Permits } from './permits.js';

const ABSENT = -1;
const FREE = 0;

export class OwnedPermits implements Permits {
  readonly #words: Int32Array;
  readonly #mayRaise: boolean;
  readonly #own: number;
  /** Where this thread took permits; some may have been released by others since. */
  readonly #taken: number[] = [];
  #next = 0;

  constructor(offset: number, count: number, mayRaise: boolean) {
    this.#words = arena().words(offset, count * 4);
    this.#mayRaise = mayRaise;
    this.#own = self().id + 1;
  }

  /** Sets how many there are, in new memory. */
  set(value: number): void {
    for (let i = value; i < this.#words.length; i++) Atomics.store(this.#words, i, ABSENT);
  }

  take(): boolean {
    const { length } = this.#words;
    for (let i = 0; i < length; i++) {
      const at = (this.#next + i) % length;
      if (Atomics.load(this.#words, at) !== FREE || Atomics.compareExchange(this.#words, at, FREE, this.#own) !== FREE) continue;
      this.#taken.push(at);
      this.#next = at;
      return true;
    }
    return false;
  }

  give(count: number): void {
    if (count > 1 && count > this.#count((word) => this.#mayGive(word))) this.#overRelease();
    for (let left = count; left > 0; left--) {
      if (!this.#giveOwn() && !this.#giveAny()) this.#overRelease();
      faultPoint('semaphore.betweenGives');
    }
  }

  value(): number {
    return this.#count((word) => word === FREE);
  }

  #giveOwn(): boolean {
    for (let at = this.#taken.pop(); at !== undefined; at = this.#taken.pop()) {
      if (Atomics.compareExchange(this.#words, at, this.#own, FREE) !== this.#own) continue;
      this.#next = at;
      return true;
    }
    return false;
  }

  #giveAny(): boolean {
    for (let at = 0; at < this.#words.length; at++) {
      const word = Atomics.load(this.#words, at);
      if (this.#mayGive(word) && Atomics.compareExchange(this.#words, at, word, FREE) === word) return true;
    }
    return false;
  }

  #mayGive(word: number): boolean {
    return word > FREE || (word === ABSENT && this.#mayRaise);
  }

  #count(is: (word: number) => boolean): number {
    let count = 0;
    for (let at = 0; at < this.#words.length; at++) if (is(Atomics.load(this.#words, at))) count++;
    return count;
  }

  #overRelease(): never {
    throw new ProcessError('Cannot release the semaphore: it has all its permits already', { code: 'ERR_MP_OVER_RELEASE' });
  }
}

/** Frees the permits that a dead participant had. */
export function freePermitsOf(dead: ParticipantId, offset: number, count: number): void {
  const words = arena().words(offset, count * 4);
  for (let at = 0; at < count; at++) Atomics.compareExchange(words, at, dead + 1, FREE);
}
