/**
 * A `TaskRunner` on multiproc's own `ProcessPoolExecutor`.
 *
 * Runs in the parent. Adds nothing but names.
 */
import { ProcessPoolExecutor } from '../index.js';
import type * as MapTask from './map-task.js';
import type { BatchResult, Target, TargetProblem } from './map-task.js';
import type { Batch, TaskRunner } from './task-runner.js';

/** A runner with `processes` workers, which start with the first task and are replaced when they die. */
export async function createExecutorRunner(processes: number | undefined): Promise<TaskRunner> {
  // By its URL, also from the bundle: functions of another module travel by reference, once per worker; those of the
  // main script, which the bundled command is, travel by value, with each task.
  const tasks = (await import(TASKS_URL)) as typeof MapTask;
  return new ExecutorRunner(tasks, processes);
}

class ExecutorRunner implements TaskRunner {
  readonly #tasks: typeof MapTask;
  readonly #executor: ProcessPoolExecutor;

  constructor(tasks: typeof MapTask, processes: number | undefined) {
    this.#tasks = tasks;
    this.#executor = new ProcessPoolExecutor({ onWorkerDeath: 'replace', maxWorkers: processes });
  }

  check(target: Target): Promise<TargetProblem> {
    return this.#executor.submit(this.#tasks.checkTarget, target).result();
  }

  run({ target, format, items, timeout, retries }: Batch): Promise<BatchResult> {
    return this.#executor.options({ retries, taskTimeout: timeout }).submit(this.#tasks.runBatch, target, format, items).result();
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

const TASKS_URL = new URL('../cli/map-task.js', import.meta.url).href;
