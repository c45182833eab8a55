/** poolifier: fixed pool of cluster processes or threads, the fastest Node pool in the survey. The workers are poolifier-*-worker.*. */
import { fileURLToPath } from 'node:url';
import { load } from '../harness/driver-kit.js';

/** @param {{ workers: number, kind: 'cluster' | 'thread', tasksQueue?: boolean, task?: string }} options */
export async function open({ workers, kind, tasksQueue = false, task = 'increment' }) {
  const { FixedClusterPool, FixedThreadPool } = await load('poolifier', 'FixedClusterPool', 'FixedThreadPool');
  const FixedPool = kind === 'cluster' ? FixedClusterPool : FixedThreadPool;
  const pool = new FixedPool(workers, WORKERS[kind], { enableTasksQueue: tasksQueue });
  return { submit: (x) => pool.execute(x, task), close: () => pool.destroy() };
}

const fileBeside = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const WORKERS = { cluster: fileBeside('poolifier-cluster-worker.cjs'), thread: fileBeside('poolifier-thread-worker.js') };
