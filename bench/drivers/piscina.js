/** piscina: thread pool. This file is also its worker. */
import { fileURLToPath } from 'node:url';
import { load } from '../harness/driver-kit.js';

export const increment = (/** @type {number} */ x) => x + 1;

/** @param {{ workers: number }} options */
export async function open({ workers }) {
  const { Piscina } = await load('piscina', 'Piscina');
  const pool = new Piscina({
    filename: fileURLToPath(import.meta.url),
    name: 'increment',
    minThreads: workers,
    maxThreads: workers,
  });
  return { submit: (x) => pool.run(x), close: () => pool.destroy() };
}
