/** Client processes call methods of one object in the server of a manager. */
import { measureBy } from '../harness/scenario.js';

const ours = (name, rest) => ({
  name,
  ours: true,
  measure: measureBy('multiproc-managers', 'managerCalls'),
  ...rest,
});
/** Two processes have to be warm: the one that calls, and the server. */
const one = { clients: 1, bytes: 0, calls: 40_000, warmup: 10_000 };
const four = { ...one, clients: 4 };
const large = { clients: 1, bytes: 2 ** 20, calls: 200, warmup: 20 };
const rate = (name, params) => ({
  name,
  unit: 'op/s',
  better: 'higher',
  params,
  quick: { calls: params.calls / 4 },
});

export const scenario = {
  name: 'manager-calls',
  about:
    'methods of one object in the server, as fast as they go; each client is a process with one call at a time, or all at once',
  cases: [
    rate('dict get, 1 process', { ...one, operation: 'get' }),
    rate('dict set, 1 process', { ...one, operation: 'set' }),
    rate('dict get, 4 processes', { ...four, operation: 'get' }),
    rate('dict set, 4 processes', { ...four, operation: 'set' }),
    rate('list append, 1 process', { ...one, operation: 'append' }),
    rate('namespace attribute, 1 process', { ...one, operation: 'attribute' }),
    rate('dict get of 1 MiB, 1 process', { ...large, operation: 'get' }),
    rate('dict set of 1 MiB, 1 process', { ...large, operation: 'set' }),
  ],
  drivers: [
    ours('multiproc, blocking', { params: { mode: 'sync' } }),
    ours('multiproc, await', { params: { mode: 'await' } }),
    ours('multiproc, pipelined', { params: { mode: 'pipelined' } }),
    { name: 'CPython Manager', python: 'manager_calls' },
  ],
};
