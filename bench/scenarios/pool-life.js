/** What a pool of two costs beside its tasks: its start, a death, its idle memory. */
import { executorDrivers } from '../harness/executor-drivers.js';
import { idleMemory, recovery, startOfPool } from '../harness/pool-life.js';

const MEASURES = { start: startOfPool, recovery, memory: idleMemory };
const measure = (open) => (params) => MEASURES[params.what](open)(params);

export const scenario = {
  name: 'pool-life',
  about:
    'from nothing to the results of two tasks; from the kill of a worker at its task to the next result; resident memory of an idle worker',
  maxRounds: 5,
  cases: [
    { name: 'start', unit: 'ms', params: { what: 'start', workers: 2 } },
    { name: 'recovery after a kill', unit: 'ms', params: { what: 'recovery', workers: 2, task: 'obey' } },
    { name: 'memory per idle worker', unit: 'MiB', params: { what: 'memory', workers: 2, task: 'obey' } },
  ],
  drivers: executorDrivers(measure, []),
};
