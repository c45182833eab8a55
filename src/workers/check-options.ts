/**
 * Checks the options that users give, with messages that say which one is wrong.
 *
 * Runs in the process that submits.
 */
import { checkTraceparent } from './task-context.js';
import type { TaskOptions } from './task-options.js';

/** @throws {TypeError|RangeError} If one of them has the wrong type or range. */
export function checkTaskOptions(act: string, { taskTimeout, signal, priority, retries, traceparent }: TaskOptions): void {
  if (taskTimeout !== undefined && (typeof taskTimeout !== 'number' || Number.isNaN(taskTimeout) || taskTimeout < 0)) {
    throw new RangeError(`${act}: taskTimeout must be a number of milliseconds of at least 0, received ${String(taskTimeout)}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`${act}: signal must be an AbortSignal, received ${String(signal)}`);
  if (priority !== undefined && !Number.isFinite(priority))
    throw new RangeError(`${act}: priority must be a number, received ${String(priority)}`);
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0))
    throw new RangeError(`${act}: retries must be an integer of at least 0, received ${String(retries)}`);
  checkTraceparent(act, traceparent);
}

/** @throws {TypeError|RangeError} If it is given and no positive integer. */
export function checkCount(act: string, name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'number') throw new TypeError(`${act}: ${name} must be a positive integer, received a ${typeof value}`);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${act}: ${name} must be a positive integer, received ${value}`);
}

/** @throws {TypeError|RangeError} If it is given and no number of milliseconds. */
export function checkDuration(act: string, name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'number')
    throw new TypeError(`${act}: ${name} must be a number of milliseconds, received a ${typeof value}`);
  if (Number.isNaN(value) || value < 0)
    throw new RangeError(`${act}: ${name} must be a number of milliseconds of at least 0, received ${value}`);
}
