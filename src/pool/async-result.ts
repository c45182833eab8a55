/**
 * `AsyncResult`: what the `…Async` methods of a pool give at once.
 *
 * Runs in the process that has the pool.
 */
import { CancelledError, InvalidStateError } from '../errors.js';
import { limitWait, type Wait } from '../substrate/wait-limit.js';

export interface AsyncCallbacks<R> {
  /** Called with the result, before anybody who waits for it goes on. What it throws is reported as a warning. */
  readonly callback?: ((value: R) => unknown) | undefined;
  /** Called with the error; it counts as read then. */
  readonly errorCallback?: ((error: unknown) => unknown) | undefined;
}

/** The side of an `AsyncResult` that settles it; only the first call counts. */
export interface Settlement<R> {
  resolve(value: R): void;
  reject(error: unknown): void;
}

/**
 * The result of a call that a pool makes.
 *
 * - A failed one that nobody reads is an `unhandledRejection`, as a promise is; a cancelled one is not.
 *
 * @python `multiprocessing.pool.AsyncResult`; it can be awaited besides.
 */
export class AsyncResult<R> implements PromiseLike<R> {
  readonly #promise: Promise<R>;
  #state: 'pending' | 'succeeded' | 'failed' = 'pending';

  /** @internal Pools make them. `start` gets the side that settles it. */
  constructor(start: (settlement: Settlement<R>) => void, callbacks: AsyncCallbacks<R> = {}) {
    const { callback, errorCallback } = callbacks;
    this.#promise = new Promise((resolve, reject) => {
      start({
        resolve: (value) => {
          if (this.#state !== 'pending') return;
          this.#state = 'succeeded';
          if (callback !== undefined) call(callback, value);
          resolve(value);
        },
        reject: (error) => {
          if (this.#state !== 'pending') return;
          this.#state = 'failed';
          if (errorCallback !== undefined) call(errorCallback, error);
          reject(error as Error);
          if (errorCallback !== undefined || error instanceof CancelledError) queueMicrotask(this.#read);
        },
      });
    });
  }

  /**
   * The result.
   *
   * @throws The task's own error, `CancelledError` after `terminate()`, or why the pool could not run it.
   * @throws {TimeoutError} If it is not there in time; the call goes on.
   */
  get(wait?: Wait): Promise<R> {
    return wait === undefined ? this.#promise : limited(this.#promise, wait, 'get the result: the call is not done');
  }

  /** Resolves when it is there, whatever it is. @throws {TimeoutError} If it is not there in time. */
  wait(wait?: Wait): Promise<void> {
    const settled = this.#promise.then(
      () => {},
      () => {},
    );
    return limited(settled, wait, 'wait for the result: the call is not done');
  }

  ready(): boolean {
    return this.#state !== 'pending';
  }

  /** Whether it ended without an error. @throws {InvalidStateError} Before it is ready. */
  successful(): boolean {
    if (this.#state === 'pending') throw new InvalidStateError('Cannot say whether the call was successful: it is not ready');
    return this.#state === 'succeeded';
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is awaited like a promise
  then<R1 = R, R2 = never>(
    onFulfilled?: ((value: R) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    return this.#promise.then(onFulfilled, onRejected);
  }

  /** As a promise's. */
  catch<S = never>(onRejected?: ((reason: unknown) => S | PromiseLike<S>) | null): Promise<R | S> {
    return this.#promise.catch(onRejected);
  }

  /** As a promise's. */
  finally(onFinally?: (() => void) | null): Promise<R> {
    return this.#promise.finally(onFinally);
  }

  readonly #read = (): void => {
    this.#promise.catch(() => {});
  };
}

/** As `limitWait`, but rejects where that throws. */
async function limited<T>(promise: Promise<T>, wait: Wait | undefined, what: string): Promise<T> {
  return limitWait(promise, wait, what);
}

function call<V>(callback: (value: V) => unknown, value: V): void {
  try {
    callback(value);
  } catch (error) {
    process.emitWarning(`A callback of a pool threw: ${String(error)}`, {
      type: 'MultiprocWarning',
      detail: (error as Error | undefined)?.stack ?? '',
    });
  }
}
