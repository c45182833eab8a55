/**
 * The topologies of starting a worker, one after the other. Runs in the measurement process.
 *
 * @typedef {object} Starter
 * @property {() => Promise<number>} firstUserCode starts a worker, waits for its end, gives the monotonic time of its first user statement
 * @property {() => Promise<void>} exit starts a worker that does nothing and waits for its end
 */
import { median, monotonicMs } from './driver-kit.js';

/** Start to the first statement of user code in the worker. Milliseconds, median of `starts`. */
export const toFirstUserCode = timed(async ({ firstUserCode }) => {
  const start = monotonicMs();
  return (await firstUserCode()) - start;
});

/** Start to the end of a worker that does nothing, as its parent sees it. Milliseconds, median of `starts`. */
export const toExit = timed(async ({ exit }) => {
  const start = monotonicMs();
  await exit();
  return monotonicMs() - start;
});

/**
 * @param {(starter: Starter) => Promise<number>} once
 * @returns {(starter: Starter, params: { starts: number, warmup: number }) => Promise<number>}
 */
function timed(once) {
  return async (starter, { starts, warmup }) => {
    const times = [];
    for (let i = 0; i < warmup + starts; i++) times.push(await once(starter));
    return median(times.slice(warmup));
  };
}
