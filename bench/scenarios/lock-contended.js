/** Processes that want one lock all the time. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run) => ({ name, ours: true, measure: measureBy('multiproc-sync', run) });

export const scenario = {
  name: 'lock-contended',
  about: 'processes acquire and release one lock as fast as they can, blocking calls; acquisitions of all together',
  cases: [2, 4].map((processes) => ({
    name: `${processes} processes`,
    unit: 'acquisitions/s',
    better: 'higher',
    params: { processes, milliseconds: 2000 },
    quick: { milliseconds: 500 },
  })),
  drivers: [ours('multiproc Lock', 'lockContended'), { name: 'CPython multiprocessing.Lock', python: 'lock_contended' }],
};
