/** One sender process, one receiver process, messages one way through a pipe. */
import { channelCases, wire } from '../harness/channel-scenarios.js';
import { measureBy } from '../harness/scenario.js';

export const scenario = {
  name: 'pipe-one-to-one',
  about: 'one sender, one receiver in another process (or thread), messages one way as fast as they go; checksums compared',
  cases: channelCases,
  drivers: [
    {
      name: 'multiproc Pipe',
      ours: true,
      measure: measureBy('multiproc', 'pipeOneToOne'),
    },
    { name: 'CPython Pipe', python: 'pipe_one_to_one' },
    wire('child_process.fork, json', 'fork', 'oneToOne', { serialization: 'json' }),
    wire('child_process.fork, advanced', 'fork', 'oneToOne', { serialization: 'advanced' }),
    wire('worker_threads MessagePort', 'worker-threads', 'oneToOne', {}),
  ],
};
