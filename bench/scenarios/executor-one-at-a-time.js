/** One submitter, two workers, one trivial task out at a time: the round trip. */
import { executorDrivers } from '../harness/executor-drivers.js';
import { oneAtATime } from '../harness/executors.js';

export const scenario = {
  name: 'executor-one-at-a-time',
  about: 'each trivial task is awaited before the next is submitted',
  cases: [
    {
      name: 'round trip',
      unit: 'µs/task',
      params: { workers: 2, tasks: 5_000, warmup: 1_000 },
      quick: { tasks: 1_000, warmup: 500 },
    },
  ],
  drivers: executorDrivers(oneAtATime, [{ name: 'CPython ProcessPoolExecutor (spawn)', python: 'executor_one_at_a_time' }]),
};
