/**
 * What the end of a worker costs: the task that ran in it, or everything, or nothing.
 *
 * Runs in the parent. All that the worker had sent was read before.
 */
import type { EngineOptions } from './engine-options.js';
import type { Feeder } from './feeder.js';
import type { Ledger } from './ledger.js';
import { RestartBudget } from './restart-budget.js';
import type { Task } from './task.js';
import { endOf } from './worker-end.js';
import type { Worker } from './worker.js';

export class Deaths {
  readonly #options: EngineOptions;
  readonly #ledger: Ledger;
  readonly #feeder: Feeder;
  readonly #breakEngine: (why: string, cause: unknown) => void;
  readonly #pause: (ms: number) => void;
  readonly #budget = new RestartBudget();

  /** @param pause Called before a worker is replaced that it is better to wait with. */
  constructor(
    options: EngineOptions,
    ledger: Ledger,
    feeder: Feeder,
    breakEngine: (why: string, cause: unknown) => void,
    pause: (ms: number) => void,
  ) {
    this.#options = options;
    this.#ledger = ledger;
    this.#feeder = feeder;
    this.#breakEngine = breakEngine;
    this.#pause = pause;
  }

  /** A worker is gone: what it had not begun runs elsewhere, and its death counts unless it was ordered. */
  ended(worker: Worker): void {
    const death = endOf(worker);
    if (worker.runsAbandoned) worker.expectedToEnd = true; // nobody loses anything
    const { begun, waiting } = worker.takeAll();
    this.#feeder.putBack(waiting);
    if (begun.length === 0 && worker.expectedToEnd) return;
    if (this.#options.onWorkerDeath === 'break') {
      this.#feeder.putBack(begun);
      this.#breakEngine(`A worker ${this.#options.kind.noun} died`, death(begun[0]));
    } else if (begun.length === 0) this.count(death(undefined));
    else for (const task of begun) this.#lost(task, death);
  }

  /** A death that belongs to no task: too many in a short time are too many. */
  count(cause: unknown): void {
    const tooMany = this.#budget.spend(cause);
    if (tooMany !== undefined) this.#breakEngine(tooMany.why, tooMany.cause);
    else if (this.#budget.pauseMs > 0) this.#pause(this.#budget.pauseMs);
  }

  /** What ran is lost, unless it may be run again. */
  #lost(task: Task, death: ReturnType<typeof endOf>): void {
    if (task.retries > 0) {
      task.retries--;
      task.attempt++;
      this.#feeder.putBack([task]);
    } else this.#ledger.fail(task, () => death(task));
  }
}
