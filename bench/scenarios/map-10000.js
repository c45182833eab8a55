/** One map over 10 000 numbers with a trivial function, two workers. */
import { executorDrivers } from '../harness/executor-drivers.js';
import { mapAll } from '../harness/executors.js';

export const scenario = {
  name: 'map-10000',
  about: 'map(x => x + 1) over 10 000 numbers, results in order; who has no map does Promise.all over submit',
  cases: [
    { name: 'chunk 1', unit: 'µs/task', params: { workers: 2, tasks: 10_000, warmup: 3_000, chunkSize: 1 } },
    { name: 'default chunk', unit: 'µs/task', params: { workers: 2, tasks: 10_000, warmup: 3_000 } },
  ],
  drivers: executorDrivers(mapAll, [
    { name: 'CPython Pool.map (spawn)', python: 'map_pool' },
    { name: 'CPython ProcessPoolExecutor.map (spawn)', python: 'map_executor' },
  ]),
};
