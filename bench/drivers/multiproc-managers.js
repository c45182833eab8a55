/** Our managers. */
import { check, load } from '../harness/driver-kit.js';

/**
 * @param {{ operation: string; mode: string; clients: number; bytes: number; calls: number; warmup: number }} params
 * @returns {Promise<number>} calls of all clients per second
 */
export async function managerCalls({ operation, mode, clients, bytes, calls, warmup }) {
  const { Barrier, Manager, Process } = await load('multiproc', 'Manager');
  const manager = await Manager();
  const value = bytes === 0 ? 1 : new Uint8Array(bytes).fill(7);
  const object = await objectFor(manager, operation, value);
  const run = { operation, mode, value, calls: calls / clients, warmup: warmup / clients };
  let seconds;
  if (clients === 1) {
    await callAll(object, { ...run, calls: warmup });
    const start = performance.now();
    await callAll(object, run);
    seconds = (performance.now() - start) / 1e3;
  } else {
    const barrier = new Barrier(clients + 1);
    const children = Array.from({ length: clients }, () => new Process({ target: client, args: [object, barrier, run] }));
    await Promise.all(children.map((child) => child.start()));
    await barrier.wait();
    const start = performance.now();
    await barrier.wait();
    seconds = (performance.now() - start) / 1e3;
    await Promise.all(children.map((child) => child.join()));
  }
  await manager.shutdown();
  return calls / seconds;
}

/** @param {any} manager @param {string} operation @param {unknown} value */
function objectFor(manager, operation, value) {
  if (operation === 'append') return manager.list();
  return operation === 'attribute' ? manager.Namespace({ key: value }) : manager.dict({ key: value });
}

/** @param {any} object @param {any} barrier @param {any} run */
export async function client(object, barrier, run) {
  await callAll(object, { ...run, calls: run.warmup });
  barrier.waitSync();
  await callAll(object, run);
  barrier.waitSync();
}

/** @param {any} object @param {{ operation: string; mode: string; value: any; calls: number }} run */
async function callAll(object, { operation, mode, value, calls }) {
  const call = callOf(mode === 'sync' ? object.sync : object, operation, mode, value);
  const expected = operation === 'get' || operation === 'attribute' ? lengthOf(value) : undefined;
  if (mode === 'pipelined') {
    const window = lengthOf(value) > 1e5 ? 16 : 1000;
    for (let done = 0; done < calls; done += window) {
      const results = await Promise.all(Array.from({ length: Math.min(window, calls - done) }, call));
      if (expected !== undefined) check(lengthOf(results.at(-1)), expected, 'value');
    }
    return;
  }
  for (let i = 0; i < calls; i++) {
    const result = mode === 'sync' ? call() : await call();
    if (expected !== undefined && i === 0) check(lengthOf(result), expected, 'value');
  }
}

/** @param {any} face @param {string} operation @param {string} mode @param {unknown} value @returns {() => any} */
function callOf(face, operation, mode, value) {
  if (operation === 'get') return () => face.get('key');
  if (operation === 'set') return () => face.set('key', value);
  if (operation === 'append') return () => face.append(value);
  return mode === 'sync' ? () => face.key : () => face.get('key');
}

/** @param {any} value */
const lengthOf = (value) => (typeof value === 'number' ? value : value.length);
