/**
 * The states of an engine and the ways between them.
 *
 * Runs in the parent.
 *
 * ```text
 * running ──stop(), terminate()──► stopping ──last worker gone──► stopped
 *    └──────── a death that counts ────┴──► broken
 * ```
 *
 * - running: takes tasks, starts and replaces workers.
 * - stopping: takes no tasks; those it has are done, with new workers if need be; workers end as they run out of them.
 * - broken: no tasks, no workers; keeps the first cause. Also how a stopping one ends that a death hits.
 * - stopped: no tasks, no workers.
 */

export type EngineState = 'running' | 'stopping' | 'broken' | 'stopped';

/** Where each state may lead. */
export const TRANSITIONS: Readonly<Record<EngineState, readonly EngineState[]>> = {
  running: ['stopping', 'broken'],
  stopping: ['stopped', 'broken'],
  broken: [],
  stopped: [],
};

export class EngineStates {
  #current: EngineState = 'running';

  get current(): EngineState {
    return this.#current;
  }

  /** Whether it takes tasks. */
  get isRunning(): boolean {
    return this.#current === 'running';
  }

  /** Whether its tasks are given out: else there are none. */
  get isAtWork(): boolean {
    return this.#current === 'running' || this.#current === 'stopping';
  }

  /** Goes there if there is a way. False: there is none, and nothing changes. */
  become(state: EngineState): boolean {
    if (!TRANSITIONS[this.#current].includes(state)) return false;
    this.#current = state;
    return true;
  }
}
