/**
 * Bounds a promise by a timeout and an abort signal, the same way for every waiting function.
 *
 * Runs in every process.
 */
import { TimeoutError } from '../errors.js';

/** Milliseconds, or both limits by name. */
export type Wait = number | { timeout?: number | undefined; signal?: AbortSignal | undefined };

/** Longest delay that a timer can have. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;

/**
 * The promise, but rejected with `TimeoutError` when time runs out and with `signal.reason` at an abort.
 *
 * @param what Completes "Cannot …: … within 5 ms", such as `join Process-1: it still runs`.
 */
export function limitWait<T>(promise: Promise<T>, wait: Wait | undefined, what: string): Promise<T> {
  const { timeout, signal } = waitOptions(wait);
  if (timeout === undefined && signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted === true) {
      promise.catch(() => {});
      reject(signal.reason as Error);
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => settle(() => reject(signal?.reason as Error));
    const settle = (then: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      then();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined && timeout <= LONGEST_TIMER_MS) {
      timer = setTimeout(() => settle(() => reject(new TimeoutError(`Cannot ${what} after ${timeout} ms`))), timeout);
    }
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
  });
}

/** Both limits, checked. @throws {TypeError|RangeError} If the timeout is no number of milliseconds. */
export function waitOptions(wait: Wait | undefined): { timeout?: number | undefined; signal?: AbortSignal | undefined } {
  if (wait !== undefined && typeof wait !== 'number' && (typeof wait !== 'object' || wait === null)) {
    throw new TypeError(
      `Cannot wait: the limit must be a number of milliseconds or { timeout, signal }, received ${typeof wait === 'string' ? `'${wait}'` : String(wait)}`,
    );
  }
  const options = typeof wait === 'number' ? { timeout: wait } : (wait ?? {});
  const { timeout, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`Cannot wait: signal must be an AbortSignal, received ${String(signal)}`);
  if (timeout === undefined) return options;
  if (typeof timeout !== 'number')
    throw new TypeError(`Cannot wait: timeout must be a number of milliseconds, received ${String(timeout)}`);
  if (Number.isNaN(timeout)) throw new RangeError('Cannot wait: timeout must be a number of milliseconds, received NaN');
  return { ...options, timeout: Math.max(0, timeout) };
}
