/**
 * Functions that travel, through the public API: what sending one costs the process that sends it. A task is awaited before the
 * next is submitted; only `submit()` itself is on the clock.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { load, median } from '../harness/driver-kit.js';

export const exported1 = (/** @type {number} */ x) => x + 1;
export const exported2 = (/** @type {number} */ x) => x + 2;
export const exported3 = (/** @type {number} */ x) => x + 3;
export const exported4 = (/** @type {number} */ x) => x + 4;
export const exported5 = (/** @type {number} */ x) => x + 5;

/** @typedef {(x: number) => number} Task */

/** Functions of different texts; a closure's text is the same each time its factory is called. @type {Record<string, Task[]>} */
const KINDS = {
  'exported function': [exported1, exported2, exported3, exported4, exported5],
  'arrow without captures': [(x) => x + 1, (x) => x + 2, (x) => x + 3, (x) => x + 4, (x) => x + 5],
  closure: [closureOver(1), closure2Over(2), closure3Over(3), closure4Over(4), closure5Over(5)],
};

/** @param {number} y @returns {Task} */
function closureOver(y) {
  return (x) => x + y;
}
/** @param {number} y @returns {Task} */
function closure2Over(y) {
  return (x) => x + y + 2;
}
/** @param {number} y @returns {Task} */
function closure3Over(y) {
  return (x) => x + y + 3;
}
/** @param {number} y @returns {Task} */
function closure4Over(y) {
  return (x) => x + y + 4;
}
/** @param {number} y @returns {Task} */
function closure5Over(y) {
  return (x) => x + y + 5;
}

/** Microseconds of the first `submit()` of a function of the user's in this process. @param {{ kind: string }} params */
export async function firstOfProcess({ kind }) {
  return withExecutor((executor) => timedSubmit(executor, KINDS[kind][0]));
}

/** Microseconds of the first `submit()` of a function after others of the same kind, the median. @param {{ kind: string }} params */
export async function firstOfFunction({ kind }) {
  return withExecutor(async (executor) => {
    const [other, ...rest] = KINDS[kind];
    await timedSubmit(executor, other);
    const times = [];
    for (const fn of rest) times.push(await timedSubmit(executor, fn));
    return median(times);
  });
}

/** Microseconds of the first `submit()` of a function after many others of the same kind: nothing of it is known, but the engine is warm. @param {{ kind: string, before: number, measured: number }} params */
export async function firstAfterMany({ kind, before, measured }) {
  const folder = await mkdtemp(join(tmpdir(), 'functions-'));
  try {
    const file = join(folder, 'many.mjs');
    await writeFile(file, textOfMany(before + measured));
    const all = (await import(pathToFileURL(file).href)).all();
    return await withExecutor(async (executor) => {
      const times = [];
      for (const fn of all[kind]) times.push(await timedSubmit(executor, fn));
      return median(times.slice(before));
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A module of functions of different texts. @param {number} count */
function textOfMany(count) {
  const each = (/** @type {(n: number) => string} */ text) => Array.from({ length: count }, (_, n) => text(n));
  return [
    ...each((n) => `export const exported${n} = (x) => x + ${n};`),
    'export function all() {',
    '  return {',
    `    'exported function': [${each((n) => `exported${n}`).join(', ')}],`,
    `    'arrow without captures': [${each((n) => `(x) => x - ${n}`).join(', ')}],`,
    `    closure: [${each((n) => `((y) => (x) => x + y + ${n})(${n})`).join(', ')}],`,
    '  };',
    '}',
  ].join('\n');
}

/** Microseconds of a later `submit()` of the same function, the median. @param {{ kind: string, submits: number, warmup: number }} params */
export async function laterSubmits({ kind, submits, warmup }) {
  return submitEach(() => KINDS[kind][0], submits, warmup);
}

/** As `laterSubmits`, of closures that are new each time, from one place of the program. @param {{ submits: number, warmup: number }} params */
export async function newClosures({ submits, warmup }) {
  return submitEach(closureOver, submits, warmup);
}

/** @param {(n: number) => Task} functionOf */
function submitEach(functionOf, submits, warmup) {
  return withExecutor(async (executor) => {
    const times = [];
    for (let i = 0; i < warmup + submits; i++) {
      const time = await timedSubmit(executor, functionOf(i));
      if (i >= warmup) times.push(time);
    }
    return median(times);
  });
}

/** Nanoseconds of an `await`, with or without closures having been sent before. @param {{ closures: number, awaits: number }} params */
export async function awaitNs({ closures, awaits }) {
  if (closures > 0) {
    await withExecutor(async (executor) => {
      for (let i = 0; i < closures; i++) await executor.submit(closureOver(i), i);
    });
  }
  await awaitMany(awaits);
  const times = [];
  for (let turn = 0; turn < 9; turn++) times.push(await awaitMany(awaits));
  return median(times);
}

/** Bytes of heap that a submit of a new closure leaves for good, at least 0.1. @param {{ where: 'parent' | 'worker', submits: number, warmup: number }} params */
export async function leakPerSubmit({ where, submits, warmup }) {
  return withExecutor(async (executor) => {
    const heap = where === 'parent' ? heapBytes : () => executor.submit(heapBytes);
    await submitMany(executor, warmup);
    const before = await heap();
    await submitMany(executor, submits);
    return Math.max(0.1, ((await heap()) - before) / submits);
  });
}

/** What is alive on the heap and beside it, in this process. */
export function heapBytes() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function submitMany(executor, submits) {
  for (let i = 0; i < submits; i += 100) {
    await Promise.all(Array.from({ length: Math.min(100, submits - i) }, (_, k) => executor.submit(closureOver(i + k), 1)));
  }
}

async function awaitMany(awaits) {
  const settled = Promise.resolve();
  const start = performance.now();
  for (let i = 0; i < awaits; i++) await settled;
  return ((performance.now() - start) * 1e6) / awaits;
}

async function timedSubmit(executor, fn) {
  const start = performance.now();
  const future = executor.submit(fn, 1);
  const micros = (performance.now() - start) * 1000;
  await future;
  return micros;
}

async function withExecutor(use) {
  const { ProcessPoolExecutor } = await load('multiproc', 'ProcessPoolExecutor');
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  try {
    await executor.submit(Math.max, 1, 2);
    return await use(executor);
  } finally {
    await executor.shutdown();
  }
}
