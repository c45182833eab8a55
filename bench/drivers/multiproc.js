/**
 * Ours, through the public API only. The task functions are ordinary exported functions of this file, as users write them.
 */
import { NotMeasured, check, load, monotonicMs } from '../harness/driver-kit.js';

export const increment = (/** @type {number} */ x) => x + 1;

export const timeOfFirstUserCode = () => monotonicMs();

export const doNothing = () => {};

/** @param {{ workers: number }} options */
export async function openProcessPoolExecutor({ workers }) {
  const { ProcessPoolExecutor } = await load('multiproc', 'ProcessPoolExecutor');
  return executorFace(new ProcessPoolExecutor({ maxWorkers: workers }));
}

/** @param {{ workers: number }} options */
export async function openThreadPoolExecutor({ workers }) {
  const { ThreadPoolExecutor } = await load('multiproc', 'ThreadPoolExecutor');
  return executorFace(new ThreadPoolExecutor({ maxWorkers: workers }));
}

/** @param {{ workers: number }} options */
export async function openPool({ workers }) {
  const { Pool } = await load('multiproc', 'Pool');
  const pool = new Pool(workers);
  return {
    submit: (x) => pool.apply(increment, [x]),
    map: (inputs, chunkSize) => pool.map(increment, inputs, chunkSize ? { chunkSize } : {}),
    close: () => pool.terminate(),
  };
}

function executorFace(executor) {
  return {
    submit: (x) => executor.submit(increment, x),
    map: async (inputs, chunkSize) => {
      const results = [];
      for await (const result of executor.map(increment, inputs, chunkSize ? { chunkSize } : {})) results.push(result);
      return results;
    },
    close: () => executor.shutdown(),
  };
}

/** @returns {Promise<import('../harness/starts.js').Starter>} */
export async function openProcess() {
  const { Process } = await load('multiproc', 'Process');
  return starterOf(Process);
}

/** @returns {Promise<import('../harness/starts.js').Starter>} */
export async function openThread() {
  const { Thread } = await load('multiproc', 'Thread');
  return starterOf(Thread);
}

function starterOf(Worker) {
  return {
    firstUserCode: async () => {
      const worker = new Worker({ target: timeOfFirstUserCode });
      await worker.start();
      const time = await worker.result();
      await worker.join();
      return time;
    },
    exit: async () => {
      const worker = new Worker({ target: doNothing });
      await worker.start();
      await worker.join();
      check(worker.exitCode, 0, 'exit code');
    },
  };
}

/** Lock of the public API, used from blocking code. @param {{ iterations: number, warmup: number }} params */
export async function lockUncontended({ iterations, warmup }) {
  const { Lock } = await load('multiproc', 'Lock');
  const lock = new Lock();
  acquireAndRelease(lock, warmup);
  const start = performance.now();
  acquireAndRelease(lock, iterations);
  return ((performance.now() - start) * 1e6) / iterations;
}

/** To come with the channels. */
export async function queueOneToOne() {
  await load('multiproc', 'Queue');
  throw new NotMeasured('driver to be filled: drivers/multiproc.js queueOneToOne');
}

/** To come with the channels. */
export async function pipeOneToOne() {
  await load('multiproc', 'Pipe');
  throw new NotMeasured('driver to be filled: drivers/multiproc.js pipeOneToOne');
}

/** To come with the channels. */
export async function pipePingPong() {
  await load('multiproc', 'Pipe');
  throw new NotMeasured('driver to be filled: drivers/multiproc.js pipePingPong');
}

function acquireAndRelease(lock, times) {
  for (let i = 0; i < times; i++) {
    lock.acquireSync();
    lock.release();
  }
}
