/** Does the cost of a task grow with the number of pending tasks? */
import { executorDrivers } from '../harness/executor-drivers.js';
import { inBatches } from '../harness/executors.js';

const pendingTasks = (pending, tasks) => ({
  name: `${pending.toLocaleString('en').replaceAll(',', ' ')} pending`,
  unit: 'µs/task',
  params: { workers: 2, pending, tasks, warmup: 3_000, budgetMs: 25_000 },
  quick: { budgetMs: 5_000 },
});

export const scenario = {
  name: 'task-cost-flat',
  about: 'batches of so many trivial tasks, each submitted in one go and awaited; flat is good',
  maxRounds: 3,
  deadlineMs: 120_000,
  cases: [
    pendingTasks(1, 3_000),
    pendingTasks(1_000, 30_000),
    pendingTasks(100_000, 100_000),
    pendingTasks(1_000_000, 1_000_000),
  ],
  drivers: executorDrivers(inBatches, [{ name: 'CPython ProcessPoolExecutor (spawn)', python: 'executor_in_batches' }]),
};
