/**
 * Checks the options that users give, with messages that say which one is wrong.
 *
 * Runs in the process that submits.
 */
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { PARTICIPANT_COUNT } from '../substrate/layout.js';
import { checkTraceparent } from './task-context.js';
import type { MapOptions, TaskOptions } from './task-options.js';

/** @throws {TypeError|RangeError} If one of them has the wrong type or range. */
export function checkTaskOptions(act: string, options: TaskOptions): void {
  checkOptionsObject(act, options);
  const { taskTimeout, signal, priority, retries, traceparent } = options;
  checkDuration(act, 'taskTimeout', taskTimeout);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`${act}: signal must be an AbortSignal, received ${String(signal)}`);
  checkNumber(act, 'priority', 'a finite number', priority, Number.isFinite);
  checkNumber(act, 'retries', 'an integer of at least 0', retries, (value) => Number.isInteger(value) && value >= 0);
  checkTraceparent(act, traceparent);
}

/** @throws {TypeError|RangeError} If one of them has the wrong type or range. */
export function checkMapOptions(act: string, options: MapOptions & TaskOptions): void {
  checkTaskOptions(act, options);
  const { chunkSize, bufferSize, timeout, onProgress } = options;
  checkCount(act, 'chunkSize', chunkSize);
  checkCount(act, 'bufferSize', bufferSize);
  checkNumber(act, 'timeout', 'a number of milliseconds', timeout, (value) => !Number.isNaN(value));
  checkFunctionIfGiven(act, 'onProgress', onProgress);
}

/** @throws {TypeError} If it is given and no function. */
export function checkFunctionIfGiven(act: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw new TypeError(`${act}: ${name} must be a function, received a ${typeof value}`);
}

/** @throws {TypeError|RangeError} If it is given and no positive integer. */
export function checkCount(act: string, name: string, value: unknown): void {
  checkNumber(act, name, 'a positive integer', value, (count) => Number.isInteger(count) && count >= 1);
}

/** @throws {TypeError|RangeError} If it is given and no positive integer, or more than a family can have members. */
export function checkWorkerCount(act: string, name: string, value: unknown): void {
  checkCount(act, name, value);
  if (Number(value) > PARTICIPANT_COUNT)
    throw new RangeError(
      `${act}: ${name} must be at most ${PARTICIPANT_COUNT}, all that one family can have, received ${String(value)}`,
    );
}

/** @throws {TypeError|RangeError} If it is given and no number of milliseconds. */
export function checkDuration(act: string, name: string, value: unknown): void {
  checkNumber(act, name, 'a number of milliseconds of at least 0', value, (ms) => ms >= 0);
}

/** @throws {TypeError|RangeError} If it is given and no number, or not within its range. */
function checkNumber(act: string, name: string, range: string, value: unknown, isWithin: (value: number) => boolean): void {
  if (value === undefined) return;
  if (typeof value !== 'number') throw new TypeError(`${act}: ${name} must be ${range}, received a ${typeof value}`);
  if (!isWithin(value)) throw new RangeError(`${act}: ${name} must be ${range}, received ${value}`);
}
