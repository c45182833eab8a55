/** worker_threads by hand: the least one can write over a MessagePort. The threads are worker-threads-thread.js. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { roundRobin } from '../harness/by-hand.js';
import { check } from '../harness/driver-kit.js';

/** @param {{ workers: number, task?: string }} options */
export async function openExecutor({ workers, task = 'increment' }) {
  const threads = Array.from({ length: workers }, () => start(`task ${task}`));
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const submit = roundRobin(threads, (thread, message) => thread.postMessage(message));
  return { submit, close: () => Promise.all(threads.map((thread) => thread.terminate())) };
}

/** @returns {import('../harness/starts.js').Starter} */
export function openStarter() {
  return {
    firstUserCode: async () => {
      const thread = start('first-user-code');
      const exited = once(thread, 'exit');
      const [time] = await once(thread, 'message');
      await exited;
      return time;
    },
    exit: async () => {
      const [code] = await once(start('nothing'), 'exit');
      check(code, 0, 'exit code');
    },
  };
}

/** @returns {Promise<import('../harness/channels.js').Wire>} */
export async function openWire() {
  const thread = start('channel');
  await once(thread, 'message');
  return {
    send: (message) => thread.postMessage(message),
    written: async (message) => thread.postMessage(message),
    onMessage: (handler) => thread.on('message', handler),
    close: () => thread.terminate(),
  };
}

/** A lock that a careful user writes over a SharedArrayBuffer: compare-exchange, Atomics.wait when taken. @param {{ iterations: number, warmup: number }} params */
export async function lockUncontended({ iterations, warmup }) {
  const lock = new AtomicsLock(new SharedArrayBuffer(4));
  acquireAndRelease(lock, warmup);
  const start = performance.now();
  acquireAndRelease(lock, iterations);
  return ((performance.now() - start) * 1e6) / iterations;
}

class AtomicsLock {
  #word;
  /** @param {SharedArrayBuffer} memory */
  constructor(memory) {
    this.#word = new Int32Array(memory);
  }
  acquire() {
    if (Atomics.compareExchange(this.#word, 0, FREE, TAKEN) === FREE) return;
    while (Atomics.exchange(this.#word, 0, CONTENDED) !== FREE) Atomics.wait(this.#word, 0, CONTENDED);
  }
  release() {
    if (Atomics.exchange(this.#word, 0, FREE) === CONTENDED) Atomics.notify(this.#word, 0, 1);
  }
}

function acquireAndRelease(lock, times) {
  for (let i = 0; i < times; i++) {
    lock.acquire();
    lock.release();
  }
}

const start = (/** @type {string} */ role) =>
  new Worker(new URL('worker-threads-thread.js', import.meta.url), { workerData: role });
const [FREE, TAKEN, CONTENDED] = [0, 1, 2];
