/**
 * Notices workers that give no sign of life: stopped, frozen, not scheduled. A busy one is alive: a native thread beats.
 *
 * Runs in the parent, while there are tasks. After a gap in its own time (it was stopped itself, or the machine slept)
 * every worker gets one more period.
 */
import { now } from '../substrate/clock.js';
import { self } from '../substrate/self.js';
import type { Crew } from './crew.js';
import type { Worker } from './worker.js';

/** Beats and looks within the time after which a worker counts as dead. */
export const BEATS_PER_TIMEOUT = 4;

interface Sign {
  beats: number;
  at: number;
}

export class Heartbeat {
  readonly #crew: Crew;
  readonly #timeoutMs: number;
  readonly #isNeeded: () => boolean;
  readonly #signs = new Map<Worker, Sign>();
  #timer: NodeJS.Timeout | undefined;
  #looked = 0;

  /**
   * @param timeoutMs Milliseconds without a sign.
   * @param isNeeded Whether there are tasks.
   */
  constructor(crew: Crew, timeoutMs: number, isNeeded: () => boolean) {
    this.#crew = crew;
    this.#timeoutMs = timeoutMs;
    this.#isNeeded = isNeeded;
  }

  /** Begins to watch, if it does not. */
  watch(): void {
    if (this.#timer !== undefined) return;
    this.#looked = 0;
    this.#timer = setInterval(() => this.#look(), periodOf(this.#timeoutMs)).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#signs.clear();
  }

  #look(): void {
    const time = now();
    const wasAway = time - this.#looked > 2 * periodOf(this.#timeoutMs);
    this.#looked = time;
    if (wasAway) this.#signs.clear();
    for (const worker of this.#crew) if (worker.booted && this.#isSilent(worker, time)) this.#end(worker);
    if (!this.#isNeeded()) this.stop();
  }

  #isSilent(worker: Worker, time: number): boolean {
    const { beats } = worker;
    const sign = this.#signs.get(worker);
    if (sign?.beats === beats) return time - sign.at > this.#timeoutMs;
    this.#signs.set(worker, { beats, at: time });
    return false;
  }

  #end(worker: Worker): void {
    this.#signs.delete(worker);
    self().doorbell.turn(); // what it had sent before
    worker.endUnresponsive(`gave no sign of life for ${this.#timeoutMs} ms`);
  }
}

/** How often a worker beats. */
export function periodOf(timeoutMs: number): number {
  return Math.max(1, Math.floor(timeoutMs / BEATS_PER_TIMEOUT));
}
