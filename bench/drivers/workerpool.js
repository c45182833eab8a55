/** workerpool: thread or process pool. The worker is workerpool-worker.js. */
import { fileURLToPath } from 'node:url';
import { load } from '../harness/driver-kit.js';

/** @param {{ workers: number, workerType: 'process' | 'thread', task?: string }} options */
export async function open({ workers, workerType, task = 'increment' }) {
  const { pool: createPool } = await load('workerpool', 'pool');
  const pool = createPool(WORKER, { workerType, minWorkers: workers, maxWorkers: workers });
  return { submit: (x) => pool.exec(task, [x]), close: () => pool.terminate() };
}

const WORKER = fileURLToPath(new URL('workerpool-worker.js', import.meta.url));
