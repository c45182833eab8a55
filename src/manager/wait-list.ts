/**
 * Calls that wait in a server, in their order.
 *
 * Runs in servers only. One thread runs all of it: what is done between two `await`s is done at once.
 */
import { TimeoutError } from '../errors.js';
import { LONGEST_TIMER_MS } from '../substrate/wait-limit.js';
import type { CallContext } from './call-context.js';

/** A call that waits. */
export interface WaitingCall<T> {
  readonly call: CallContext;
  /** Ends the wait. */
  resolve(value: T): void;
  reject(error: unknown): void;
}

export class WaitList<T = void> {
  readonly #waiting = new Set<WaitingCall<T>>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Waits until somebody resolves it.
   *
   * @param what Completes "Cannot … within 5 ms".
   * @throws {TimeoutError} If nobody did in time; with 0 at once.
   */
  wait(call: CallContext, timeoutMs: number | undefined, what: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const leave = () => {
        clearTimeout(timer);
        stopListening();
        this.#waiting.delete(waiting);
      };
      const waiting: WaitingCall<T> = {
        call,
        resolve: (value) => {
          leave();
          resolve(value);
        },
        reject: (error) => {
          leave();
          reject(error as Error);
        },
      };
      const stopListening = call.onCancel(waiting.reject);
      this.#waiting.add(waiting);
      if (timeoutMs === undefined || timeoutMs > LONGEST_TIMER_MS) return;
      const expire = () => waiting.reject(new TimeoutError(`Cannot ${what} within ${Math.round(timeoutMs)} ms`));
      if (timeoutMs <= 0) expire();
      else timer = setTimeout(expire, timeoutMs);
    });
  }

  /** Those that wait, first come first. */
  [Symbol.iterator](): IterableIterator<WaitingCall<T>> {
    return this.#waiting.values();
  }

  first(): WaitingCall<T> | undefined {
    return this.#waiting.values().next().value;
  }

  rejectAll(makeError: () => unknown): void {
    for (const each of this.#waiting) each.reject(makeError());
  }
}
