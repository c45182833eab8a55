/**
 * All that `multiproc map` needs of a process pool.
 *
 * Runs in the parent. Never decides what to run.
 */
import type { InputFormat } from './map-options.js';
import type { BatchResult, Target, TargetProblem } from './map-task.js';

/** One chunk of items for a worker. */
export interface Batch {
  readonly target: Target;
  readonly format: InputFormat;
  readonly items: readonly string[];
  /** Milliseconds for the whole chunk. */
  readonly timeout: number | undefined;
  readonly retries: number;
}

/** Worker processes that run batches. */
export interface TaskRunner {
  check(target: Target): Promise<TargetProblem>;
  /** Rejects if the batch's worker died or ran out of time. */
  run(batch: Batch): Promise<BatchResult>;
  /** Waits for running batches and ends the workers. */
  shutdown(): Promise<void>;
  /** Ends the workers now, with SIGTERM first; what they ran rejects. Resolves when they are gone. */
  terminate(): Promise<void>;
  /** The same at once, with SIGKILL: all signals are sent when this returns. */
  kill(): Promise<void>;
}

/** Makes a runner; its processes start with the first task. */
export type CreateRunner = (processes: number | undefined) => TaskRunner | Promise<TaskRunner>;
