/**
 * Takes tasks back that nobody wants any more: not begun ones for free, begun ones with their worker.
 *
 * Runs in the parent. A begun task that has asked for its abort signal is told and has a moment to come to an end by
 * itself, which saves its worker; any other is killed with it at once.
 */
import { TimeoutError } from '../errors.js';
import { currentName } from '../process/identity.js';
import { self } from '../substrate/self.js';
import { encodeFailure } from '../wire/remote-error.js';
import { Answers } from './answers.js';
import type { Feeder } from './feeder.js';
import type { Ledger } from './ledger.js';
import type { Task } from './task.js';
import type { Worker } from './worker.js';

const SIGKILL = 9;
/** From the abort of a task's signal to the kill of its worker, in milliseconds. */
const ABORT_GRACE_MS = 500;
/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Cancellation {
  readonly #ledger: Ledger;
  readonly #feeder: Feeder;
  readonly #feed: () => void;

  /** @param feed Called when there may be room for others. */
  constructor(ledger: Ledger, feeder: Feeder, feed: () => void) {
    this.#ledger = ledger;
    this.#feeder = feeder;
    this.#feed = feed;
  }

  /** Takes a task back that has not begun; its sink is told. False: it has begun, or is over. */
  cancel(task: Task, error: unknown): boolean {
    if (task.state === 'sent' && task.worker?.takeBack(task) === true) {
      this.#ledger.fail(task, () => error);
      this.#feed();
      return true;
    }
    if (task.state !== 'pending') return false;
    if (task.broadcast === undefined) this.#feeder.queue.discard();
    this.#ledger.fail(task, () => error);
    return true;
  }

  /** Ends a task whatever it is doing; if it has begun, with its worker. */
  abort(task: Task, error: unknown): void {
    if (Answers.areBeingHandled) {
      queueMicrotask(() => this.abort(task, error));
      return;
    }
    if (task.state === 'settled' || this.cancel(task, error)) return;
    // What the worker has not begun is taken from it first: from then on it cannot begin another task, and what it has
    // said so far tells whether the one to end is over. The kill meets that task or none.
    this.#feeder.putBack(task.worker?.takeBackAll() ?? []);
    self().doorbell.turn();
    const { worker } = task;
    if (worker === undefined)
      this.cancel(task, error); // over, or to be run again after a death
    else {
      this.#ledger.fail(task, () => error);
      endBegun(worker, task, error);
    }
    this.#feed();
  }

  /** A task has begun: its time runs. */
  limit(task: Task): void {
    const { timeout } = task;
    if (timeout === undefined || timeout > LONGEST_TIMER_MS) return;
    const late = () => this.abort(task, new TimeoutError(`The task ran longer than ${timeout} ms; its worker was killed`));
    task.timer = setTimeout(late, timeout);
  }
}

function endBegun(worker: Worker, task: Task, reason: unknown): void {
  if (!worker.listens(task)) {
    worker.end(SIGKILL);
    return;
  }
  worker.tellAbort(task, encodeFailure(reason, { name: currentName(), pid: process.pid }));
  setTimeout(() => {
    if (worker.holding(task.sequence) === task) worker.end(SIGKILL);
  }, ABORT_GRACE_MS).unref();
}
