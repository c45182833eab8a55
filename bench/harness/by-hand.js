/** What the hand-rolled pools of fork.js and worker-threads.js share: `[id, x]` out, `[id, y]` back, workers in turn. */

/**
 * @template W
 * @param {(W & import('node:events').EventEmitter)[]} workers
 * @param {(worker: W, message: [number, number]) => void} send
 * @returns {(x: number) => Promise<number>}
 */
export function roundRobin(workers, send) {
  /** @type {Map<number, (y: number) => void>} */
  const pending = new Map();
  let lastId = 0;
  for (const worker of workers) {
    worker.on('message', ([id, y]) => {
      const resolve = pending.get(id);
      pending.delete(id);
      resolve?.(y);
    });
  }
  return (x) =>
    new Promise((resolve) => {
      const id = ++lastId;
      pending.set(id, resolve);
      send(workers[id % workers.length], [id, x]);
    });
}
