/** One submitter, two workers, many trivial tasks out at a time. */
import { executorDrivers } from '../harness/executor-drivers.js';
import { allAtOnce, boundedInFlight } from '../harness/executors.js';

const measure = (open) => (params) => (params.inFlight ? boundedInFlight : allAtOnce)(open)(params);

export const scenario = {
  name: 'executor-pipelined',
  about: 'trivial tasks (x => x + 1) through an executor, all results awaited; start-up and warm-up excluded',
  cases: [
    {
      name: 'all at once',
      unit: 'µs/task',
      params: { workers: 2, tasks: 20_000, warmup: 5_000 },
      quick: { tasks: 5_000, warmup: 2_000 },
    },
    {
      name: '64 in flight',
      unit: 'µs/task',
      params: { workers: 2, tasks: 20_000, warmup: 5_000, inFlight: 64 },
      quick: { tasks: 5_000, warmup: 2_000 },
    },
  ],
  drivers: executorDrivers(measure, [{ name: 'CPython ProcessPoolExecutor (spawn)', python: 'executor_pipelined' }]),
};
