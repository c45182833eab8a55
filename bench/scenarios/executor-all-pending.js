/** A million tasks of one executor pending at the same moment: what each costs, until they are all done, until they are all cancelled. */
import { allPending } from '../harness/all-pending.js';
import { executorDrivers } from '../harness/executor-drivers.js';

const measured = (what, name, unit) => ({
  name,
  unit,
  params: { workers: 2, what, pending: 1_000_000, warmup: 20_000 },
  quick: { pending: 50_000, warmup: 3_000 },
});

export const scenario = {
  name: 'executor-all-pending',
  about:
    'a million trivial tasks submitted in one go: memory of the submitting process for each of them; from the first submit to the last result; from the order to end the executor to the end of the last task',
  maxRounds: 3,
  deadlineMs: 120_000,
  cases: [
    measured('memory', 'memory per pending task', 'bytes'),
    measured('settle', 'all done', 'µs/task'),
    measured('cancel', 'all cancelled', 'ms'),
  ],
  drivers: executorDrivers(allPending, [{ name: 'CPython ProcessPoolExecutor (spawn)', python: 'executor_all_pending' }]),
};
