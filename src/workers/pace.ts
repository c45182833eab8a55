/**
 * How quick a worker is, and what follows: how much it should have at hand, whether it is late.
 *
 * Runs in the parent.
 */
import { now } from '../substrate/clock.js';

/** Work that a worker shall have at hand, in milliseconds, so that it never waits for the next task. */
const AT_HAND_MS = 2;
const MAX_IN_FLIGHT = 200;
/** Tasks so quick are answered in batches. */
const QUICK_MS = 0.1;
/** A task that takes so long, and so many times longer than those before it, gets no others at hand behind it. */
const LATE_MS = 10;
const LATE_FACTOR = 4;
/** What would wait for so long may be given to an idle worker. */
const STEAL_ABOVE_MS = 0.3;

export class Pace {
  /** Mean time of a task in milliseconds; undefined before the first. */
  #taskMs: number | undefined;
  #doneSinceMark = 0;
  #mark = 0;
  #late = false;

  /** When it was heard of last, or began to be busy. */
  get mark(): number {
    return this.#mark;
  }

  /** It begins to be busy. */
  begin(): void {
    this.#mark = now();
    this.#doneSinceMark = 0;
  }

  /** It has done a task. */
  count(): void {
    this.#doneSinceMark++;
  }

  /** Learns from what it has done since the last time. False: nothing. */
  learn(): boolean {
    if (this.#doneSinceMark === 0) return false;
    const time = now();
    const each = (time - this.#mark) / this.#doneSinceMark;
    this.#taskMs = this.#taskMs === undefined ? each : this.#taskMs * 0.7 + each * 0.3;
    this.#mark = time;
    this.#doneSinceMark = 0;
    this.#late = false;
    return true;
  }

  /** What was learnt is wrong now. */
  forget(): void {
    this.#taskMs = undefined;
  }

  get isQuick(): boolean {
    return (this.#taskMs ?? Number.POSITIVE_INFINITY) < QUICK_MS;
  }

  /** How many tasks it should have at hand. */
  get window(): number {
    if (this.#late) return 1;
    if (this.#taskMs === undefined) return 2;
    return Math.min(MAX_IN_FLIGHT, Math.max(2, Math.ceil(AT_HAND_MS / this.#taskMs)));
  }

  /** Whether it, being busy, has been running one task for much longer than those before; from then on it has room for no other. */
  isLate(time: number): boolean {
    this.#late = time - this.#mark > Math.max(LATE_MS, LATE_FACTOR * (this.#taskMs ?? 0));
    return this.#late;
  }

  /** Whether the last of so many tasks at hand would wait for long. */
  keepsWaiting(inFlight: number, time: number): boolean {
    const silent = time - this.#mark;
    if (inFlight === 1) return silent > LATE_MS; // sent to an idle worker: it must be stopped, or worse
    return silent > STEAL_ABOVE_MS || (this.#taskMs ?? Number.POSITIVE_INFINITY) * inFlight > STEAL_ABOVE_MS;
  }
}
