/** One submitter, two workers, quick tasks beside some long ones: how long do the quick ones take? */
import { executorDrivers } from '../harness/executor-drivers.js';
import { mixedTail } from '../harness/executors.js';

export const scenario = {
  name: 'executor-mixed',
  about:
    'every 25th task takes 10 ms, the others 0.1 ms; 16 in flight; the 99th percentile of what a quick task takes from submit to result',
  cases: [
    {
      name: 'p99 of quick tasks',
      unit: 'ms',
      params: { workers: 2, task: 'spend', tasks: 2_000, warmup: 300, inFlight: 16, every: 25, longMs: 10, quickMs: 0.1 },
      quick: { tasks: 500, warmup: 100 },
    },
  ],
  drivers: executorDrivers(mixedTail, []),
};
