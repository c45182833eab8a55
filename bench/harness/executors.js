/**
 * The executor topologies: one submitter, some workers, a trivial task x -> x + 1. Runs in the measurement process.
 *
 * @typedef {object} ExecutorFace what a driver opens
 * @property {(x: number) => PromiseLike<number>} submit
 * @property {(inputs: number[], chunkSize?: number) => Promise<number[]>} [map]
 * @property {() => unknown} [cancelAll] ends it, with what has not begun; what `close` does where there is none
 * @property {() => unknown} close
 */
import { NotMeasured, check, closeOrRemark, millisOf } from './driver-kit.js';
import { PAYLOADS } from './payloads.js';

/** Every task submitted in one go, then all awaited. Microseconds per task. */
export const allAtOnce = measured(async (executor, tasks) => {
  const results = [];
  for (let x = 0; x < tasks; x++) results.push(executor.submit(x));
  return sum(await Promise.all(results));
});

/** At most `inFlight` tasks are out; the oldest is awaited before the next is submitted. Microseconds per task. */
export const boundedInFlight = measured(async (executor, tasks, { inFlight }) => {
  const window = new Array(inFlight);
  let total = 0;
  for (let x = 0; x < tasks + inFlight; x++) {
    if (x >= inFlight) total += await window[x % inFlight];
    if (x < tasks) window[x % inFlight] = executor.submit(x);
  }
  return total;
});

/** Each task awaited before the next is submitted. Microseconds per task. */
export const oneAtATime = measured(async (executor, tasks) => {
  let total = 0;
  for (let x = 0; x < tasks; x++) total += await executor.submit(x);
  return total;
});

/** `map` over all inputs; without a `map`, and for chunks of 1 only, `Promise.all` over `submit`. Microseconds per item. */
export const mapAll = measured(async (executor, tasks, { chunkSize }) => {
  const inputs = Array.from({ length: tasks }, (_, x) => x);
  if (executor.map) return sum(await executor.map(inputs, chunkSize));
  if (chunkSize !== 1) throw new NotMeasured('has no map with chunks');
  return sum(await Promise.all(inputs.map((x) => executor.submit(x))));
});

/** At most `inFlight` payloads are out and come back; each is looked at. Microseconds per task. */
export const echoed = (open) => async (params) => {
  const { payload, tasks, warmup, inFlight } = params;
  const executor = await open(params);
  const value = PAYLOADS[payload];
  const size = sizeOf(value);
  const run = async (count) => {
    const window = new Array(inFlight);
    for (let i = 0; i < count + inFlight; i++) {
      if (i >= inFlight) checkSize(sizeOf(await window[i % inFlight]), size);
      if (i < count) window[i % inFlight] = executor.submit(value);
    }
  };
  try {
    await run(warmup);
    return ((await millisOf(() => run(tasks))) * 1e3) / tasks;
  } finally {
    await closeOrRemark(() => executor.close());
  }
};

/** Quick tasks beside some long ones, `inFlight` at a time: milliseconds from submit to result that 99 % of the quick ones stay under. */
export const mixedTail = (open) => async (params) => {
  const { tasks, warmup, inFlight, every, longMs, quickMs } = params;
  const executor = await open(params);
  const run = async (count) => {
    const times = [];
    let next = 0;
    const lane = async () => {
      while (next < count) {
        const isLong = next++ % every === 0;
        const start = performance.now();
        await executor.submit(isLong ? longMs : quickMs);
        if (!isLong) times.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return times.sort((a, b) => a - b);
  };
  try {
    await run(warmup);
    const times = await run(tasks);
    return times[Math.floor(times.length * 0.99)];
  } finally {
    await closeOrRemark(() => executor.close());
  }
};

/** Batches of `pending` tasks in one go, until `tasks` are done. Microseconds per task. */
export const inBatches = measured(async (executor, tasks, { pending }) => {
  let total = 0;
  for (let done = 0; done < tasks; done += pending) {
    const results = [];
    for (let x = done; x < Math.min(done + pending, tasks); x++) results.push(executor.submit(x));
    total += sum(await Promise.all(results));
  }
  return total;
});

/**
 * @param {(executor: ExecutorFace, tasks: number, params: any) => Promise<number>} run submits 0 … tasks - 1, gives the sum of the results
 * @returns {(open: (params: any) => Promise<ExecutorFace>) => (params: any) => Promise<number>}
 */
function measured(run) {
  return (open) => async (params) => {
    const { tasks, warmup, budgetMs = Infinity } = params;
    const executor = await open(params);
    try {
      check(await executor.submit(1), 2, 'result');
      await run(executor, warmup, params);
      const warmMs = await millisOf(() => run(executor, warmup, params));
      const expectedMs = (warmMs / warmup) * tasks;
      if (expectedMs > budgetMs)
        throw new NotMeasured(`over the budget of ${budgetMs / 1e3} s: about ${Math.round(expectedMs / 1e3)} s`);
      let total = 0;
      const ms = await millisOf(async () => (total = await run(executor, tasks, params)));
      check(total, (tasks * (tasks + 1)) / 2, 'sum of the results');
      return (ms * 1e3) / tasks;
    } finally {
      await closeOrRemark(() => executor.close());
    }
  };
}

function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Bytes, or items, of what came back; a number is its own size. */
function sizeOf(/** @type {any} */ value) {
  if (typeof value === 'number') return value;
  return value.byteLength ?? value.length;
}

function checkSize(received, expected) {
  if (received === undefined) throw new NotMeasured('gives something else back than the bytes');
  check(received, expected, 'size of the result');
}
