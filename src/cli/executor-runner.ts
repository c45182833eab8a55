/**
 * A `TaskRunner` on multiproc's own `ProcessPoolExecutor`.
 *
 * Runs in the parent. Adds nothing but names.
 */
import { ProcessPoolExecutor } from '../index.js';
import { type BatchResult, checkTarget, runBatch, type Target, type TargetProblem } from './map-task.js';
import type { Batch, TaskRunner } from './task-runner.js';

/** A runner with `processes` workers, which start with the first task and are replaced when they die. */
export function createExecutorRunner(processes: number | undefined): TaskRunner {
  return new ExecutorRunner(processes);
}

class ExecutorRunner implements TaskRunner {
  readonly #executor: ProcessPoolExecutor;

  constructor(processes: number | undefined) {
    this.#executor = new ProcessPoolExecutor({
      onWorkerDeath: 'replace',
      ...(processes === undefined ? {} : { maxWorkers: processes }),
    });
  }

  check(target: Target): Promise<TargetProblem> {
    return this.#executor.submit(checkTarget, target).result();
  }

  run({ target, format, items, timeout, retries }: Batch): Promise<BatchResult> {
    const options = { retries, ...(timeout === undefined ? {} : { taskTimeout: timeout }) };
    return this.#executor.options(options).submit(runBatch, target, format, items).result();
  }

  shutdown(): Promise<void> {
    return this.#executor.shutdown();
  }

  terminate(): Promise<void> {
    return this.#executor.terminateWorkers();
  }

  kill(): Promise<void> {
    return this.#executor.killWorkers();
  }
}
