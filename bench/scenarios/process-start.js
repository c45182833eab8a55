/** Starting a worker and seeing it end, one after the other. */
import { toExit, toFirstUserCode } from '../harness/starts.js';

const starter = (name, file, open, rest) => ({
  name,
  ...rest,
  measure: async (params) => {
    const opened = await (await import(`../drivers/${file}.js`))[open](params);
    return (params.until === 'exit' ? toExit : toFirstUserCode)(opened, params);
  },
});

/** Node reads the extra certificates at every start (tens of milliseconds), so they are off, except in rows that say so. */
const CA_CERTS = process.env.NODE_EXTRA_CA_CERTS;
const withCaCerts = { env: { NODE_EXTRA_CA_CERTS: CA_CERTS }, applies: () => Boolean(CA_CERTS) };

export const scenario = {
  name: 'process-start',
  about:
    'new Process() to the first statement of user code in it, and to its end as the parent sees it; NODE_EXTRA_CA_CERTS unset',
  env: { NODE_EXTRA_CA_CERTS: undefined },
  cases: [
    {
      name: 'first user code',
      unit: 'ms',
      params: { until: 'user code', starts: 9, warmup: 2 },
      quick: { starts: 4, warmup: 1 },
    },
    { name: 'first user code, the very first start', unit: 'ms', params: { until: 'user code', starts: 1, warmup: 0 } },
    { name: 'exit', unit: 'ms', params: { until: 'exit', starts: 9, warmup: 2 }, quick: { starts: 4, warmup: 1 } },
  ],
  drivers: [
    starter('multiproc Process', 'multiproc', 'openProcess', { ours: true }),
    starter('multiproc ForkServerProcess', 'multiproc', 'openForkServerProcess', { ours: true }),
    starter('multiproc Thread', 'multiproc', 'openThread', { ours: true }),
    starter('node -e (yard-stick)', 'node-binary', 'openStarter'),
    starter('child_process.fork', 'fork', 'openStarter'),
    starter('worker_threads Worker', 'worker-threads', 'openStarter'),
    { name: 'CPython spawn', python: 'process_start', params: { method: 'spawn' } },
    { name: 'CPython forkserver', python: 'process_start', params: { method: 'forkserver' } },
    { name: 'CPython fork', python: 'process_start', params: { method: 'fork' } },
    starter('multiproc Process, NODE_EXTRA_CA_CERTS set', 'multiproc', 'openProcess', withCaCerts),
    starter('node -e (yard-stick), NODE_EXTRA_CA_CERTS set', 'node-binary', 'openStarter', withCaCerts),
  ],
};
