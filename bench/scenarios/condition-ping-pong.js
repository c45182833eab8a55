/** Two processes that take turns with one condition. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, run) => ({ name, ours: true, measure: measureBy('multiproc-sync', run) });

export const scenario = {
  name: 'condition-ping-pong',
  about: 'two processes wait for their turn with one condition and one number, blocking calls; a turn of each',
  cases: [{ name: 'round trip', unit: 'µs', params: { roundTrips: 10_000, warmup: 1_000 }, quick: { roundTrips: 2_000 } }],
  drivers: [
    ours('multiproc Condition', 'conditionPingPong'),
    { name: 'CPython multiprocessing.Condition', python: 'condition_ping_pong' },
  ],
};
