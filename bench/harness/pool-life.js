/**
 * What a pool costs beside its tasks. Runs in the measurement process; the task is `obey` of ../drivers/tasks.js, or x -> x + 1.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NotMeasured, check, closeOrRemark } from './driver-kit.js';

/** Milliseconds from nothing to two results. */
export const startOfPool = (open) => async (params) => {
  const start = performance.now();
  const pool = await open(params);
  const results = await Promise.all([pool.submit(1), pool.submit(2)]);
  const ms = performance.now() - start;
  check(results[0] + results[1], 5, 'sum of the results');
  await closeOrRemark(() => pool.close());
  return ms;
};

/** Milliseconds from the submit of a task that kills its worker to the result of the next one, with one worker busy elsewhere. */
export const recovery = (open) => async (params) => {
  const pool = await open({ ...params, workers: 1, survives: true });
  const pid = await pool.submit('pid');
  if (pid === process.pid) throw new NotMeasured('has no workers that can be killed');
  const start = performance.now();
  const death = Promise.resolve(pool.submit('die')).then(
    () => 'resolved',
    () => 'rejected',
  );
  const told = await Promise.race([death, sleep(GIVE_UP_MS, 'silent')]);
  const again = await Promise.race([pool.submit('pid'), sleep(GIVE_UP_MS, 'silent')]).catch((error) => error);
  const ms = performance.now() - start;
  if (told !== 'rejected') throw new NotMeasured(`the lost task is ${told} after ${GIVE_UP_MS / 1e3} s`);
  if (typeof again !== 'number') throw new NotMeasured(`does not recover: ${again?.message ?? again}`);
  await closeOrRemark(() => pool.close());
  return ms;
};

/** MiB of memory that a worker alone has: of processes their own, of threads what this process has more. */
export const idleMemory = (open) => async (params) => {
  const before = proportionalSize('self');
  const pool = await open(params);
  const pids = new Set();
  for (let i = 0; i < 40 && pids.size < params.workers; i++) {
    const both = await Promise.all(Array.from({ length: params.workers * 2 }, () => pool.submit('pid')));
    for (const pid of both) pids.add(pid);
    if (pids.has(process.pid)) break;
  }
  await sleep(SETTLES_MS);
  const sizes = [...pids].map((pid) => proportionalSize(pid));
  const total = pids.has(process.pid) ? (proportionalSize('self') - before) / params.workers : sum(sizes) / sizes.length;
  await closeOrRemark(() => pool.close());
  return total;
};

/** Memory of a process, what it shares counted in proportion, in MiB. */
function proportionalSize(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const GIVE_UP_MS = 5_000;
const SETTLES_MS = 500;
