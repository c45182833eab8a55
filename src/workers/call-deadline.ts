/**
 * The time of a whole call that waits many times.
 *
 * Runs in the process that submits.
 */
import { now } from '../substrate/clock.js';

/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class CallDeadline {
  readonly #at: number;
  readonly #onLate: () => void;

  /**
   * @param timeoutMs From now; undefined: no limit.
   * @param onLate Called when time is up while a wait is under way; it must end that wait.
   */
  constructor(timeoutMs: number | undefined, onLate: () => void) {
    this.#at = timeoutMs === undefined ? Number.POSITIVE_INFINITY : now() + timeoutMs;
    this.#onLate = onLate;
  }

  limit<V>(wait: Promise<V>): Promise<V> {
    if (this.#at === Number.POSITIVE_INFINITY) return wait;
    const left = this.#at - now();
    if (left > LONGEST_TIMER_MS) return wait;
    const timer = setTimeout(this.#onLate, Math.max(0, left));
    return wait.finally(() => clearTimeout(timer));
  }
}
