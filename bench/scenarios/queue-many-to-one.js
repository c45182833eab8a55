/** Two producers, one consumer. */
import { channelCases, fan } from '../harness/channel-scenarios.js';
import { measureBy } from '../harness/scenario.js';

const members = 2;
const cases = channelCases.map((each) => ({ ...each, params: { ...each.params, members } }));

export const scenario = {
  name: 'queue-many-to-one',
  about: 'two producers in processes (or threads) of their own, one consumer, as fast as they go; checksums compared',
  cases,
  drivers: [
    {
      name: 'multiproc Queue',
      ours: true,
      measure: measureBy('multiproc-queues', 'manyToOne'),
    },
    { name: 'CPython Queue', python: 'queue_many_to_one', params: { kind: 'Queue' } },
    { name: 'CPython SimpleQueue', python: 'queue_many_to_one', params: { kind: 'SimpleQueue' } },
    fan('child_process.fork, json', 'fork', 'manyToOne', { serialization: 'json' }),
    fan('child_process.fork, advanced', 'fork', 'manyToOne', { serialization: 'advanced' }),
    fan('worker_threads MessagePort', 'worker-threads', 'manyToOne', {}),
  ],
};
