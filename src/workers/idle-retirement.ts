/**
 * Ends workers that have had nothing to do for a while.
 *
 * Runs in the parent. Its timer does not keep the program alive.
 */
import { now } from '../substrate/clock.js';
import type { Worker } from './worker.js';

/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class IdleRetirement {
  readonly #timeoutMs: number;
  readonly #retire: (worker: Worker) => void;
  /** Idle workers, and since when. */
  readonly #since = new Map<Worker, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param timeoutMs Milliseconds without a task. */
  constructor(timeoutMs: number, retire: (worker: Worker) => void) {
    this.#timeoutMs = timeoutMs;
    this.#retire = retire;
  }

  /** A worker has answered, or become ready: it may be idle from now on. */
  answered(worker: Worker): void {
    if (worker.inFlight > 0) {
      this.#since.delete(worker);
      return;
    }
    this.#since.set(worker, now());
    this.#look(this.#timeoutMs);
  }

  /** A worker is gone. */
  ended(worker: Worker): void {
    this.#since.delete(worker);
    if (this.#since.size === 0) this.#stop();
  }

  #look(inMs: number): void {
    if (this.#timer !== undefined || inMs > LONGEST_TIMER_MS) return;
    this.#timer = setTimeout(() => this.#retireIdle(), inMs).unref();
  }

  #retireIdle(): void {
    this.#stop();
    const time = now();
    let next = Number.POSITIVE_INFINITY;
    for (const [worker, since] of this.#since) {
      const left = since + this.#timeoutMs - time;
      if (worker.inFlight > 0 || worker.closed) this.#since.delete(worker);
      else if (left > 0) next = Math.min(next, left);
      else {
        this.#since.delete(worker);
        this.#retire(worker);
      }
    }
    this.#look(next);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
