/** One producer, two consumers. */
import { channelCases, fan } from '../harness/channel-scenarios.js';
import { measureBy } from '../harness/scenario.js';

const members = 2;
const cases = channelCases.map((each) => ({ ...each, params: { ...each.params, members } }));

export const scenario = {
  name: 'queue-one-to-many',
  about: 'one producer, two consumers in processes (or threads) of their own that share the messages; checksums compared',
  cases,
  drivers: [
    {
      name: 'multiproc Queue',
      ours: true,
      measure: measureBy('multiproc-queues', 'oneToMany'),
    },
    { name: 'CPython Queue', python: 'queue_one_to_many', params: { kind: 'Queue' } },
    { name: 'CPython SimpleQueue', python: 'queue_one_to_many', params: { kind: 'SimpleQueue' } },
    fan('child_process.fork, json', 'fork', 'oneToMany', { serialization: 'json' }),
    fan('child_process.fork, advanced', 'fork', 'oneToMany', { serialization: 'advanced' }),
    fan('worker_threads MessagePort', 'worker-threads', 'oneToMany', {}),
  ],
};
