/** One thread takes and gives back a lock that nobody else wants. */
import { measureBy } from '../harness/scenario.js';

const lock = (name, file, run, rest) => ({ name, ...rest, measure: measureBy(file, run) });

export const scenario = {
  name: 'lock-uncontended',
  about: 'acquire and release, blocking calls, one thread, nobody else; time of both together',
  cases: [
    {
      name: 'acquire and release',
      unit: 'ns',
      params: { iterations: 20_000_000, warmup: 2_000_000 },
      quick: { iterations: 5_000_000 },
    },
  ],
  drivers: [
    lock('multiproc lock word', 'multiproc-substrate', 'lockWordUncontended', { ours: true }),
    lock('multiproc Lock', 'multiproc', 'lockUncontended', { ours: true }),
    { name: 'CPython multiprocessing.Lock', python: 'lock_multiprocessing' },
    { name: 'CPython threading.Lock (one process only)', python: 'lock_threading' },
    lock('Atomics lock by hand (one process only)', 'worker-threads', 'lockUncontended'),
  ],
};
