/**
 * What drivers share: loading a competitor, giving up with a reason, reading the clock. Runs in the measurement process.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** A driver that cannot or will not give a figure. Shown with its reason; not a failure. */
export class NotMeasured extends Error {
  /** @param {string} reason one line */
  constructor(reason) {
    super(reason);
    this.name = 'NotMeasured';
  }
}

/**
 * Imports a competitor.
 * @param {string} specifier
 * @param {...string} names exports that must be there
 * @returns {Promise<any>}
 * @throws {NotMeasured} If it is not installed, not built or lacks one of the names.
 */
export async function load(specifier, ...names) {
  const module = await import(specifier).catch((error) => {
    if (!MISSING.has(error.code)) throw error;
    throw new NotMeasured(`absent: ${error.message.split('\n')[0].replace(/ (imported from|is not defined in package) .*/, '')}`);
  });
  for (const name of names) {
    if (module[name] === undefined) throw new NotMeasured(`absent: ${specifier} has no ${name} yet`);
  }
  return module;
}

/** What a driver wants said beside its figure. @type {string[]} */
export const remarks = [];

/**
 * Closes what a driver opened. A close that never settles costs a remark, not the figure.
 * @param {() => unknown} close
 */
export async function closeOrRemark(close) {
  const deadline = new AbortController();
  const late = sleep(CLOSE_MS, 'late', { signal: deadline.signal }).catch(() => {});
  if ((await Promise.race([close(), late])) === 'late') remarks.push(`close did not settle within ${CLOSE_MS} ms`);
  deadline.abort();
}

/** @param {() => unknown} work @returns {Promise<number>} milliseconds */
export async function millisOf(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Monotonic clock of the whole machine: comparable between processes, Python's `time.monotonic_ns` included. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/** @param {number[]} values @returns {number} */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {unknown} received
 * @param {unknown} expected
 * @param {string} what
 */
export function check(received, expected, what) {
  if (received !== expected) throw new Error(`Wrong ${what}: expected ${expected}, received ${received}`);
}

const MISSING = new Set(['ERR_MODULE_NOT_FOUND', 'ERR_PACKAGE_IMPORT_NOT_DEFINED', 'ERR_PACKAGE_PATH_NOT_EXPORTED']);
const CLOSE_MS = 3_000;
