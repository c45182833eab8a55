/**
 * The competitors of every executor scenario, two workers each. Loads none of them.
 */

/**
 * @param {(open: (params: any) => Promise<import('./executors.js').ExecutorFace>) => (params: any) => Promise<number>} measure
 * @param {import('./scenario.js').Driver[]} more ours first, then CPython's, which loop in Python
 * @returns {import('./scenario.js').Driver[]}
 */
export function executorDrivers(measure, more) {
  /** @type {(name: string, file: string, open: string, rest?: object) => import('./scenario.js').Driver} */
  const driver = (name, file, open, rest) => ({
    name,
    ...rest,
    measure: async (params) => measure((await import(`../drivers/${file}.js`))[open])(params),
  });
  return [
    driver('multiproc ProcessPoolExecutor', 'multiproc', 'openProcessPoolExecutor', { ours: true }),
    driver('multiproc Pool', 'multiproc', 'openPool', { ours: true }),
    driver('multiproc ThreadPoolExecutor', 'multiproc', 'openThreadPoolExecutor', { ours: true }),
    ...more,
    driver('poolifier FixedClusterPool', 'poolifier', 'open', { packages: ['poolifier'], params: { kind: 'cluster' } }),
    driver('poolifier FixedThreadPool', 'poolifier', 'open', { packages: ['poolifier'], params: { kind: 'thread' } }),
    driver('piscina (threads)', 'piscina', 'open', { packages: ['piscina'] }),
    driver('tinypool (processes)', 'tinypool', 'open', { packages: ['tinypool'], params: { runtime: 'child_process' } }),
    driver('tinypool (threads)', 'tinypool', 'open', { packages: ['tinypool'], params: { runtime: 'worker_threads' } }),
    driver('jest-worker (processes)', 'jest-worker', 'open', { packages: ['jest-worker'], params: { threads: false } }),
    driver('jest-worker (threads)', 'jest-worker', 'open', { packages: ['jest-worker'], params: { threads: true } }),
    driver('workerpool (processes)', 'workerpool', 'open', { packages: ['workerpool'], params: { workerType: 'process' } }),
    driver('workerpool (threads)', 'workerpool', 'open', { packages: ['workerpool'], params: { workerType: 'thread' } }),
    driver('child_process.fork by hand', 'fork', 'openExecutor', { params: { serialization: 'json' } }),
    driver('worker_threads by hand', 'worker-threads', 'openExecutor'),
  ];
}

/**
 * Those of them that carry payloads: the hand-made pool of processes with the serialization that knows bytes.
 *
 * @param {(open: (params: any) => Promise<import('./executors.js').ExecutorFace>) => (params: any) => Promise<number>} measure
 * @returns {import('./scenario.js').Driver[]}
 */
export function payloadDrivers(measure) {
  return executorDrivers(measure, [{ name: 'CPython ProcessPoolExecutor (spawn)', python: 'executor_payload' }]).map((each) =>
    each.name.startsWith('child_process.fork') ? { ...each, params: { ...each.params, serialization: 'advanced' } } : each,
  );
}
