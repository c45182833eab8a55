/**
 * Waits of this thread's event loop for something outside shared memory, such as a socket, served in their order.
 *
 * Runs in every process and thread. Who owns the line pumps it whenever there may be something new.
 */
import { TimeoutError } from '../errors.js';
import { LONGEST_TIMER_MS, type Wait, waitOptions } from '../substrate/wait-limit.js';

/** Tries to get what is waited for; undefined: not yet. It may throw, which ends that wait. */
export type Attempt<T> = () => T | undefined;

interface Waiting {
  attempt(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class WaitLine {
  readonly #waiting = new Set<Waiting>();
  readonly #changed: (size: number) => void;
  #pumping = false;

  /** @param changed Called when the line gets its first wait, and when it has none any more. */
  constructor(changed: (size: number) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when `attempt` gives something; it is tried once even with a timeout of 0.
   *
   * @param what Completes "Cannot …: … within 5 ms".
   */
  wait<T>(attempt: Attempt<T>, wait: Wait | undefined, what: string): Promise<T> {
    let limits: ReturnType<typeof waitOptions>;
    try {
      limits = waitOptions(wait);
      limits.signal?.throwIfAborted();
      if (this.#waiting.size === 0) {
        const first = attempt();
        if (first !== undefined) return Promise.resolve(first);
      }
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return new Promise<T>((resolve, reject) => this.#enlist(attempt, limits, what, resolve as (value: unknown) => void, reject));
  }

  /** Tries again for those who wait, until one has to wait on. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (const each of this.#waiting) {
      try {
        const got = each.attempt();
        if (got === undefined) break;
        each.resolve(got);
      } catch (error) {
        each.reject(error);
      }
    }
    this.#pumping = false;
  }

  #enlist(
    attempt: Attempt<unknown>,
    { timeout, signal }: ReturnType<typeof waitOptions>,
    what: string,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      waiting.reject(signal?.reason);
      this.pump(); // the next one may want what this one did not
    };
    const settle = (then: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#leave(waiting);
      then();
    };
    const waiting: Waiting = {
      attempt,
      resolve: (value) => settle(() => resolve(value)),
      reject: (error) => settle(() => reject(error)),
    };
    const late = () => {
      waiting.reject(new TimeoutError(`Cannot ${what} within ${timeout} ms`));
      this.pump();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined && timeout <= LONGEST_TIMER_MS) timer = setTimeout(late, timeout);
    this.#waiting.add(waiting);
    if (this.#waiting.size === 1) this.#changed(1);
    this.pump();
  }

  #leave(waiting: Waiting): void {
    if (this.#waiting.delete(waiting) && this.#waiting.size === 0) this.#changed(0);
  }
}
