/**
 * Looks after the workers by itself where nobody would ring: while they answer in batches one may have begun a long
 * task after a short one; and while one is idle the tasks that wait in another may turn out to wait for long.
 *
 * Runs in the parent. Its timer runs only while one of the two is so.
 */
import { self } from '../substrate/self.js';
import type { Crew } from './crew.js';

const LOOK_MS = 2;

export class Lookout {
  readonly #crew: Crew;
  readonly #active: () => number;
  readonly #looked: () => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param active How many tasks are not settled.
   * @param looked Called after each look.
   */
  constructor(crew: Crew, active: () => number, looked: () => void) {
    this.#crew = crew;
    this.#active = active;
    this.#looked = looked;
  }

  /** Looks soon, if there is a reason to. */
  lookSoon(): void {
    if (this.#timer !== undefined || !(this.#anyQuiet() || this.#anyIdleBesideWaiting())) return;
    const settledAt = this.#active();
    this.#timer = setTimeout(() => this.#look(settledAt), LOOK_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(settledAt: number): void {
    this.#timer = undefined;
    const before = this.#active();
    self().doorbell.turn();
    if (this.#active() === before && settledAt === before) {
      for (const worker of this.#crew) if (worker.quiet) worker.wakeUp();
      self().doorbell.turn(); // what came before they saw the word
    }
    this.#looked();
  }

  #anyQuiet(): boolean {
    for (const worker of this.#crew) if (worker.quiet && worker.inFlight > 0) return true;
    return false;
  }

  #anyIdleBesideWaiting(): boolean {
    let idle = false;
    let waiting = false;
    for (const worker of this.#crew) {
      idle = idle || (worker.ready && worker.inFlight === 0 && worker.room > 0);
      waiting = waiting || (worker.inFlight > 0 && worker.waiting);
      if (idle && waiting) return true;
    }
    return false;
  }
}
