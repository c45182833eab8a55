/**
 * The life of a worker: how far its start is, whether it takes tasks, how it is ended.
 *
 * Runs in the parent.
 */
import { NOTHING } from '../process/frames.js';
import type { Child } from '../process/launcher.js';
import { now } from '../substrate/clock.js';
import { STOP } from './worker-frames.js';

const SIGKILL = 9;

export abstract class WorkerLife {
  readonly number: number;
  readonly name: string;
  readonly child: Child;
  startLimit: NodeJS.Timeout | undefined;
  /** What it did not do in time, if it was killed for that. */
  unresponsive: string | undefined;
  /** It was told to end, or killed on purpose, or retires by itself: its end is no death. */
  expectedToEnd = false;
  /** No more tasks for it. */
  closed = false;
  #booted = false;
  #readySince: number | undefined;

  constructor(number: number, name: string, child: Child) {
    this.number = number;
    this.name = name;
    this.child = child;
  }

  /** The process is up. */
  get booted(): boolean {
    return this.#booted;
  }

  becomeBooted(): void {
    this.#booted = true;
    clearTimeout(this.startLimit);
  }

  /** Its initializer has returned. */
  get ready(): boolean {
    return this.#readySince !== undefined;
  }

  /** Milliseconds since its initializer has returned. */
  get readyMs(): number {
    return this.#readySince === undefined ? 0 : now() - this.#readySince;
  }

  becomeReady(): void {
    this.#readySince = now();
  }

  /** It has said that it ends by itself. */
  becomeLeaving(): void {
    this.closed = true;
    this.expectedToEnd = true;
  }

  /** Lets it end when it has done what it has. */
  stop(): void {
    if (this.expectedToEnd) return;
    this.becomeLeaving();
    this.child.sendBytes(STOP, NOTHING, 0, 0);
  }

  /** Ends it now. */
  end(signal: number): void {
    this.becomeLeaving();
    this.child.signal(signal);
  }

  /** Kills it because it did not do something in time: that is a death. */
  endUnresponsive(what: string): void {
    this.unresponsive = what;
    this.child.signal(SIGKILL);
  }
}
