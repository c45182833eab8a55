/**
 * Very many tasks of an executor pending at the same moment. Runs in the measurement process; the task is x -> x + 1.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NotMeasured, check, closeOrRemark, millisOf } from './driver-kit.js';

/** Bytes that this process has more for each task, from before the first submit to after the last; garbage collected. */
const memory = async (executor, { pending }) => {
  const before = usedBytes();
  const settled = submitAll(executor, pending);
  const bytes = (usedBytes() - before) / pending;
  void Promise.resolve((executor.cancelAll ?? executor.close)()).catch(() => {}); // some take minutes
  void settled.catch(() => {});
  return bytes;
};

/** From the first submit to the last result, in microseconds per task. */
const settle = async (executor, { pending }) => {
  const ms = await millisOf(async () => {
    const results = await submitAll(executor, pending);
    check(sumOf(results), (pending * (pending + 1)) / 2, 'sum of the results');
  });
  await closeOrRemark(() => executor.close());
  return (ms * 1e3) / pending;
};

/** From the order to end it until every task is settled, most of them with an error, in milliseconds. */
const cancel = async (executor, { pending }) => {
  let open = pending;
  const one = () => void open--;
  for (let x = 0; x < pending; x++) Promise.resolve(executor.submit(x)).then(one, one);
  const start = performance.now();
  await (executor.cancelAll ?? executor.close)();
  for (const end = performance.now() + GIVE_UP_MS; open > 0 && performance.now() < end; ) await new Promise(setImmediate);
  if (open > 0) throw new NotMeasured(`leaves ${open} of ${pending} tasks unsettled when it is closed`);
  return performance.now() - start;
};

const MEASURES = { memory, settle, cancel };

/** @param {(params: any) => Promise<import('./executors.js').ExecutorFace>} open */
export const allPending = (open) => async (params) => {
  const executor = await open(params);
  const warm = await submitAll(executor, params.warmup);
  check(sumOf(warm), (params.warmup * (params.warmup + 1)) / 2, 'sum of the results');
  return MEASURES[params.what](executor, params);
};

/** @param {import('./executors.js').ExecutorFace} executor @param {number} count @returns {Promise<number[]>} */
function submitAll(executor, count) {
  const results = [];
  for (let x = 0; x < count; x++) results.push(executor.submit(x));
  return Promise.all(results);
}

function sumOf(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Memory of this process after a garbage collection. */
function usedBytes() {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage(); // what lies in the queue of a MessagePort is not in it, and not counted
  return heapUsed + external;
}

const GIVE_UP_MS = 5_000;
