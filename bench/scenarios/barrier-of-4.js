/** Four processes that meet again and again. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run) => ({ name, ours: true, measure: measureBy('multiproc-sync', run) });

export const scenario = {
  name: 'barrier-of-4',
  about: 'four processes pass one barrier again and again, blocking calls; one pass of all',
  cases: [
    {
      name: 'pass',
      unit: 'µs',
      params: { parties: 4, roundTrips: 5_000, warmup: 500 },
      quick: { roundTrips: 1_000, warmup: 200 },
    },
  ],
  drivers: [ours('multiproc Barrier', 'barrierPass'), { name: 'CPython multiprocessing.Barrier', python: 'barrier_pass' }],
};
