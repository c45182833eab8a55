/** jest-worker: thread or process pool. The worker is jest-worker-worker.cjs. */
import { fileURLToPath } from 'node:url';
import { load } from '../harness/driver-kit.js';

/** @param {{ workers: number, threads: boolean, task?: string }} options */
export async function open({ workers, threads, task = 'increment' }) {
  const { Worker } = await load('jest-worker', 'Worker');
  const pool = new Worker(WORKER, { numWorkers: workers, enableWorkerThreads: threads, exposedMethods: [task] });
  return { submit: (x) => pool[task](x), close: () => pool.end() };
}

const WORKER = fileURLToPath(new URL('jest-worker-worker.cjs', import.meta.url));
