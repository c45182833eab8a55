/** tinypool: thread or process pool. This file is also its worker. */
import { load } from '../harness/driver-kit.js';

export * from './tasks.js';

/** @param {{ workers: number, runtime: 'worker_threads' | 'child_process', task?: string }} options */
export async function open({ workers, runtime, task = 'increment' }) {
  const { Tinypool } = await load('tinypool', 'Tinypool');
  const pool = new Tinypool({ filename: import.meta.url, name: task, runtime, minThreads: workers, maxThreads: workers });
  return { submit: (x) => pool.run(x), close: () => pool.destroy() };
}
