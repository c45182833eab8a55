/** piscina: thread pool. This file is also its worker. */
import { fileURLToPath } from 'node:url';
import { load } from '../harness/driver-kit.js';

export * from './tasks.js';

/** @param {{ workers: number, task?: string }} options */
export async function open({ workers, task = 'increment' }) {
  const { Piscina } = await load('piscina', 'Piscina');
  const pool = new Piscina({
    filename: fileURLToPath(import.meta.url),
    name: task,
    minThreads: workers,
    maxThreads: workers,
  });
  return { submit: (x) => pool.run(x), close: () => pool.destroy() };
}
