/**
 * Values, arrays and lists in shared memory, used by one process: what an access costs. Beside them typed arrays of one process.
 */
import { check, load } from '../harness/driver-kit.js';

/** @returns {number} nanoseconds per operation */
function timed(act, { iterations, warmup }) {
  act(warmup);
  const start = performance.now();
  act(iterations);
  return ((performance.now() - start) * 1e6) / iterations;
}

export async function valueAdd(params) {
  const { Value } = await load('multiproc', 'Value');
  const value = new Value('i', 0);
  const figure = timed((times) => {
    for (let i = 0; i < times; i++) value.add(1);
  }, params);
  check(value.value, params.iterations + params.warmup, 'sum');
  return figure;
}

export async function valueUnderLock(params) {
  const { Value } = await load('multiproc', 'Value');
  const value = new Value('i', 0);
  const lock = value.getLock();
  const figure = timed((times) => {
    for (let i = 0; i < times; i++) {
      lock.acquireSync();
      value.value += 1;
      lock.release();
    }
  }, params);
  check(value.value, params.iterations + params.warmup, 'sum');
  return figure;
}

export function atomicsAdd(params) {
  const words = new Int32Array(new SharedArrayBuffer(4));
  return timed((times) => {
    for (let i = 0; i < times; i++) Atomics.add(words, 0, 1);
  }, params);
}

export async function arrayView(params) {
  const { SharedArray } = await load('multiproc', 'SharedArray');
  return timed(overAll(new SharedArray('d', params.length).view), params);
}

export async function arrayAtAndSet(params) {
  const { SharedArray } = await load('multiproc', 'SharedArray');
  const array = new SharedArray('d', params.length);
  return timed((times) => {
    for (let i = 0, at = 0; i < times; i++, at = at + 1 === params.length ? 0 : at + 1) array.set(at, array.at(at) + 1);
  }, params);
}

export function plainArray(params) {
  return timed(overAll(new Float64Array(params.length)), params);
}

function overAll(array) {
  return (times) => {
    for (let i = 0, at = 0; i < times; i++, at = at + 1 === array.length ? 0 : at + 1) array[at] = array[at] + 1;
  };
}

export async function listItems(params) {
  const { ShareableList } = await load('multiproc', 'ShareableList');
  const list = new ShareableList(Array.from({ length: params.length }, () => 0));
  const figure = timed((times) => {
    for (let i = 0, at = 0; i < times; i++, at = at + 1 === params.length ? 0 : at + 1) list.set(at, list.at(at) + 1);
  }, params);
  list.shm.unlink();
  list.shm.close();
  return figure;
}
