/**
 * The books of one engine: which tasks are open, and that each is settled once.
 *
 * Runs in the parent. Open tasks keep the program alive, nothing else of an engine does.
 */
import { CancelledError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { addWork, removeWork, type Work } from '../process/process-end.js';
import { self } from '../substrate/self.js';
import { Statistics } from './statistics.js';
import type { Task } from './task.js';

export class Ledger implements Work {
  readonly sort = 'tasks';
  readonly statistics: Statistics = new Statistics();
  readonly #onSettled: () => void;
  #open = 0;
  #ever = 0;

  /** @param onSettled Called when there is one less. */
  constructor(onSettled: () => void) {
    this.#onSettled = onSettled;
  }

  /** Tasks that are not settled. */
  get open(): number {
    return this.#open;
  }

  nextTaskId(): number {
    return ++this.#ever;
  }

  /** There is one more. */
  enter(task: Task): void {
    task.submitted = now();
    if (this.#open++ > 0) return;
    self().doorbell.hold();
    addWork(this);
  }

  /** Fails a task. */
  fail(task: Task, error: () => unknown): void {
    this.settle(task, () => {
      const reason = error();
      if (!(reason instanceof CancelledError)) this.statistics.failed++;
      task.sink.fail(reason);
    });
  }

  /** Ends a task, unless it has ended before; `tell` tells its sink. */
  settle(task: Task, tell: () => void): void {
    if (task.state === 'settled') return;
    task.state = 'settled';
    clearTimeout(task.timer);
    if (--this.#open === 0) this.#allDone();
    task.release?.();
    task.shelved?.release();
    tell();
    this.#onSettled();
  }

  /** What the end of this process would leave. */
  undone(): number {
    return this.#open;
  }

  #allDone(): void {
    self().doorbell.release();
    removeWork(this);
  }
}
