/** One event that eight processes wait for. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run) => ({ name, ours: true, measure: measureBy('multiproc-sync', run) });

export const scenario = {
  name: 'event-broadcast-8',
  about: 'from set() until eight processes that waited have all released a semaphore, blocking calls',
  cases: [
    {
      name: 'broadcast',
      unit: 'µs',
      params: { waiters: 8, roundTrips: 3_000, warmup: 300 },
      quick: { roundTrips: 600, warmup: 100 },
    },
  ],
  drivers: [ours('multiproc Event', 'eventBroadcast'), { name: 'CPython multiprocessing.Event', python: 'event_broadcast' }],
};
