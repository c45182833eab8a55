/**
 * `asCompleted`: futures and processes in the order in which they are done.
 *
 * Runs in the process that waits.
 */
import { TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { waitOptions } from '../substrate/wait-limit.js';
import { type Completable, completables, watch } from './completion.js';

/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * An `AsyncIterableIterator` whose items `for await` gives as they are.
 *
 * In the type of that name TypeScript takes them for awaited: a loop over futures would have their values.
 */
export interface CompletedItems<T> {
  next(): Promise<IteratorResult<T, undefined>>;
  return(): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): CompletedItems<T>;
}

/**
 * Gives each future or process when it is done: itself, not its value.
 *
 * - Those that are done at the call come first; a cancelled future is done; an item that is given twice comes once.
 * - `timeout` counts from the call. When it runs out, the next `next()` that would wait rejects; that ends the iteration.
 * - Whoever stops reading ends nothing.
 *
 * @param options `timeout` in milliseconds; default: no limit.
 * @throws {TypeError|RangeError} If an item cannot be waited for, or the timeout is wrong.
 * @throws {TimeoutError} From `next()`, if time runs out.
 *
 * @example
 * for await (const future of asCompleted(futures)) console.log(await future);
 *
 * @python `concurrent.futures.as_completed`; `timeout` in milliseconds.
 */
export function asCompleted<T extends Completable>(
  items: Iterable<T>,
  options: { readonly timeout?: number | undefined } = {},
): CompletedItems<T> {
  const all = completables('iterate as completed', items);
  return new CompletedIterator(all, waitOptions(options).timeout);
}

/** By hand: a generator would await what it yields, and futures can be awaited. */
class CompletedIterator<T extends Completable> implements CompletedItems<T> {
  readonly #total: number;
  readonly #timeout: number | undefined;
  readonly #deadline: number;
  /** Done and not yet given. */
  readonly #ready: T[] = [];
  #pending = 0;
  /** Why it ends before all are done. */
  #refused: { readonly error: unknown } | undefined;
  #ended = false;
  /** Wakes those that wait for the next one. */
  #wake: (() => void)[] = [];

  constructor(items: Set<T>, timeout: number | undefined) {
    this.#total = items.size;
    this.#timeout = timeout;
    this.#deadline = timeout === undefined ? Number.POSITIVE_INFINITY : now() + timeout;
    for (const item of items) {
      if (item.done()) {
        this.#ready.push(item);
        continue;
      }
      this.#pending++;
      watch(item, this);
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  completed(item: T): void {
    this.#pending--;
    if (!this.#ended) this.#ready.push(item);
    this.#wakeAll();
  }

  refused(error: unknown): void {
    this.#pending--;
    this.#refused ??= { error };
    this.#wakeAll();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (!this.#ended) {
      const value = this.#ready.shift();
      if (value !== undefined) return { value, done: false };
      if (this.#refused !== undefined) {
        this.#end();
        throw this.#refused.error;
      }
      if (this.#pending === 0) this.#end();
      else await this.#more();
    }
    return { value: undefined, done: true };
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Resolves when there may be something new; rejects when time is up. */
  #more(): Promise<void> {
    const left = this.#deadline - now();
    return new Promise((resolve, reject) => {
      const timer =
        left > LONGEST_TIMER_MS
          ? undefined
          : setTimeout(
              () => {
                reject(this.#late());
                this.#end();
              },
              Math.max(0, left),
            );
      this.#wake.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #late(): TimeoutError {
    return new TimeoutError(
      `Cannot iterate as completed: ${this.#pending} of ${this.#total} were not done within ${this.#timeout} ms`,
    );
  }

  #end(): void {
    this.#ended = true;
    this.#ready.length = 0;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
