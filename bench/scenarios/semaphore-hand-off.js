/** A permit that goes from one process to another and back. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run) => ({ name, ours: true, measure: measureBy('multiproc-sync', run) });

export const scenario = {
  name: 'semaphore-hand-off',
  about: 'from a release in one process to the end of the acquire in another: half of a round trip over two semaphores',
  cases: [{ name: 'hand-off', unit: 'µs', params: { roundTrips: 20_000, warmup: 2_000 }, quick: { roundTrips: 4_000 } }],
  drivers: [
    ours('multiproc Semaphore, blocking', 'handOffBlocking'),
    ours('multiproc Semaphore, async', 'handOffAsync'),
    { name: 'CPython multiprocessing.Semaphore', python: 'hand_off' },
  ],
};
