/** Starting children of a fork server, bare and with 50 MB of objects loaded before, beside CPython's and our spawn. */
import { toExit, toFirstUserCode } from '../harness/starts.js';

const measured = (opened, params) => (params.until === 'exit' ? toExit : toFirstUserCode)(opened, params);
const ours = (name, open) => ({
  name,
  ours: true,
  measure: async (params) => measured(await (await import('../drivers/multiproc.js'))[open](params), params),
});

const SEVERAL = { starts: 15, warmup: 3 };
const FEW = { starts: 4, warmup: 1 };

export const scenario = {
  name: 'forkserver-start',
  about:
    'new ForkServerProcess() to the first statement of user code in it, and to its end; the server is up and was told to load the module of the target (CPython 3.11 loads a main module in each child all the same); NODE_EXTRA_CA_CERTS unset',
  env: { NODE_EXTRA_CA_CERTS: undefined },
  cases: [
    { name: 'first user code', unit: 'ms', params: { until: 'user code', ...SEVERAL }, quick: FEW },
    {
      name: 'first user code, 50 MB preloaded',
      unit: 'ms',
      params: { until: 'user code', preloadMb: 50, ...SEVERAL },
      quick: FEW,
    },
    { name: 'exit', unit: 'ms', params: { until: 'exit', ...SEVERAL }, quick: FEW },
    { name: 'exit, 50 MB preloaded', unit: 'ms', params: { until: 'exit', preloadMb: 50, ...SEVERAL }, quick: FEW },
  ],
  drivers: [
    ours('multiproc ForkServerProcess', 'openForkServerProcess'),
    ours('multiproc Process (spawn, loads nothing)', 'openProcess'),
    { name: 'CPython forkserver', python: 'process_start', params: { method: 'forkserver' } },
  ],
};
