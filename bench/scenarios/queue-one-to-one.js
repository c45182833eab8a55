/** One producer process, one consumer process, messages one way. */
import { channelCases, moreChannelCases, wire } from '../harness/channel-scenarios.js';
import { measureBy } from '../harness/scenario.js';

export const scenario = {
  name: 'queue-one-to-one',
  about: 'one producer, one consumer in another process (or thread), messages one way as fast as they go; checksums compared',
  cases: [...channelCases, ...moreChannelCases],
  drivers: [
    {
      name: 'multiproc Queue',
      ours: true,
      measure: measureBy('multiproc', 'queueOneToOne'),
    },
    {
      name: 'multiproc Queue, async',
      ours: true,
      measure: measureBy('multiproc', 'queueOneToOneAsync'),
    },
    { ...wire('multiproc ring (blocking)', 'multiproc-substrate', 'oneToOne', {}, 'openRings'), ours: true },
    { name: 'CPython Queue', python: 'queue_one_to_one', params: { kind: 'Queue' } },
    { name: 'CPython SimpleQueue', python: 'queue_one_to_one', params: { kind: 'SimpleQueue' } },
    wire('child_process.fork, json', 'fork', 'oneToOne', { serialization: 'json' }),
    wire('child_process.fork, advanced', 'fork', 'oneToOne', { serialization: 'advanced' }),
    wire('worker_threads MessagePort', 'worker-threads', 'oneToOne', {}),
  ],
};
