/**
 * How many deaths an engine bears: those that belong to no task, within a time.
 *
 * Runs in the parent. A death in a task is that task's and does not count; an end that was ordered is none.
 */
import { now } from '../substrate/clock.js';

/** Deaths while starting, initializing or idle within this time are too many. */
const BUDGET_DEATHS = 5;
const BUDGET_MS = 10_000;
/** After the second of them nobody is started for so long; twice as long after each further one. */
const FIRST_PAUSE_MS = 20;

export class RestartBudget {
  #recent: { readonly at: number; readonly cause: unknown }[] = [];

  /** Milliseconds for which nobody is to be started after the last death. */
  get pauseMs(): number {
    return this.#recent.length < 2 ? 0 : FIRST_PAUSE_MS * 2 ** (this.#recent.length - 2);
  }

  /** Counts a death. Says why it is one too many, with the first cause, or undefined. */
  spend(cause: unknown): { readonly why: string; readonly cause: unknown } | undefined {
    const at = now();
    this.#recent = [...this.#recent.filter((death) => at - death.at < BUDGET_MS), { at, cause }];
    if (this.#recent.length < BUDGET_DEATHS) return undefined;
    const why = `${BUDGET_DEATHS} workers died within ${BUDGET_MS / 1000} s without having begun a task`;
    return { why, cause: this.#recent[0]?.cause };
  }
}
