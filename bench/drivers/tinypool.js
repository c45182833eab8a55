/** tinypool: thread or process pool. This file is also its worker. */
import { load } from '../harness/driver-kit.js';

export const increment = (/** @type {number} */ x) => x + 1;

/** @param {{ workers: number, runtime: 'worker_threads' | 'child_process' }} options */
export async function open({ workers, runtime }) {
  const { Tinypool } = await load('tinypool', 'Tinypool');
  const pool = new Tinypool({ filename: import.meta.url, name: 'increment', runtime, minThreads: workers, maxThreads: workers });
  return { submit: (x) => pool.run(x), close: () => pool.destroy() };
}
