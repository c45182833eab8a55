/**
 * `Future`: the result of a task that may not have begun, with Python's state machine and a promise's manners.
 *
 * Runs in the process that submitted.
 *
 * ```text
 * pending ──► running ──► finished
 *    └──────────────────► finished      (a result may be set at once)
 *    └──► cancelled
 * ```
 */
import { CancelledError, InvalidStateError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { limitWait, type Wait } from '../substrate/wait-limit.js';

type State = 'pending' | 'running' | 'cancelled' | 'finished';

/** What an executor ties a future to. */
export interface FutureSource {
  /** Whether the task has begun. */
  running(): boolean;
  /** Takes the task back; false: it has begun or is over. */
  cancel(): boolean;
}

/**
 * The result of a task.
 *
 * - A failed future that nobody reads is an `unhandledRejection`, as a promise is; a cancelled one is not.
 * - `running()` is exact: a queued task can be cancelled until a worker has begun it.
 *
 * @python `concurrent.futures.Future`
 */
export class Future<T> implements PromiseLike<T> {
  #state: State = 'pending';
  #value: T | undefined;
  #error: unknown;
  #failed = false;
  #promise: Promise<T> | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #callbacks: ((future: this) => void)[] | undefined;
  #listeners: ((value: unknown, future: this) => void)[] | undefined;
  readonly #source: FutureSource | undefined;

  /** @param source Of an executor; a future made by hand has none. */
  constructor(source?: FutureSource) {
    this.#source = source;
  }

  /** Cancels the task if it has not begun; true if it is cancelled now. */
  cancel(): boolean {
    if (this.#state === 'cancelled') return true;
    if (this.#state !== 'pending') return false;
    if (this.#source !== undefined && !this.#source.cancel()) return false;
    if (this.#state === 'pending') this.#settleCancelled(new CancelledError('The task was cancelled before it began'));
    return true;
  }

  /** @internal Cancels whatever the state, because its executor ended the task. */
  setCancelled(reason: CancelledError): void {
    if (this.done()) return;
    this.#settleCancelled(reason);
  }

  cancelled(): boolean {
    return this.#state === 'cancelled';
  }

  running(): boolean {
    return this.#state === 'running' || (this.#state === 'pending' && this.#source !== undefined && this.#source.running());
  }

  done(): boolean {
    return this.#state === 'finished' || this.#state === 'cancelled';
  }

  /**
   * The task's result.
   *
   * @throws The task's own error, `CancelledError`, or why the executor could not run it.
   * @throws {TimeoutError} If it is not there in time; the task goes on.
   */
  result(wait?: Wait): Promise<T> {
    const promise = this.#promised();
    return wait === undefined ? promise : limited(promise, wait, 'get the result: the task is not done');
  }

  /** The task's error, or null; otherwise as `result`. */
  exception(wait?: Wait): Promise<unknown> {
    const settled = this.#promised().then(
      () => null,
      (error: unknown) => {
        if (this.#state === 'cancelled') throw error;
        return error;
      },
    );
    return limited(settled, wait, 'get the exception: the task is not done');
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a future is awaited like a promise
  then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    return this.#promised().then(onFulfilled, onRejected);
  }

  /** As a promise's. */
  catch<R = never>(onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null): Promise<T | R> {
    return this.#promised().catch(onRejected);
  }

  /** As a promise's. */
  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.#promised().finally(onFinally);
  }

  /** Calls `callback` once when done, in the order of adding; at once if it is done. What it throws is reported as a warning. */
  addDoneCallback(callback: (future: this) => void): void {
    if (typeof callback !== 'function')
      throw new TypeError(`Cannot add a done callback: it must be a function, received ${String(callback)}`);
    if (this.done()) {
      this.#call(callback, 'done');
      return;
    }
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
  }

  /** Calls `callback` with each value that the task reports while it runs (`currentTask().progress`). What it throws is reported as a warning. */
  addProgressCallback(callback: (value: unknown, future: this) => void): void {
    if (typeof callback !== 'function')
      throw new TypeError(`Cannot add a progress callback: it must be a function, received ${String(callback)}`);
    if (this.done()) return;
    this.#listeners ??= [];
    this.#listeners.push(callback);
  }

  /** @internal Tells the progress callbacks. */
  reportProgress(value: unknown): void {
    if (this.done()) return;
    for (const listener of this.#listeners ?? []) this.#call((future) => listener(value, future), 'progress');
  }

  /** Marks it as begun: true, or false if it was cancelled. @throws {InvalidStateError} If it has begun or is done. */
  setRunningOrNotifyCancel(): boolean {
    if (this.#state === 'cancelled') return false;
    if (this.#state !== 'pending') throw new InvalidStateError(`Cannot mark the future as running: it is ${this.#state}`);
    this.#state = 'running';
    return true;
  }

  /** @throws {InvalidStateError} If it is done. */
  setResult(value: T): void {
    this.#mustBeOpen();
    this.#state = 'finished';
    this.#value = value;
    this.#resolve?.(value);
    this.#settled();
  }

  /** @throws {InvalidStateError} If it is done. */
  setException(error: unknown): void {
    this.#mustBeOpen();
    this.#state = 'finished';
    this.#fail(error);
    const observed = this.#callbacks !== undefined;
    this.#settled();
    // Nobody reads it yet: from here on it is a rejected promise, which node reports if that stays so.
    if (!observed) void this.#promised();
  }

  #settleCancelled(reason: CancelledError): void {
    this.#state = 'cancelled';
    this.#fail(reason);
    this.#settled();
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#error = error;
    this.#reject?.(error);
  }

  #settled(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#listeners = undefined;
    const callbacks = this.#callbacks;
    if (callbacks === undefined) return;
    this.#callbacks = undefined;
    for (const callback of callbacks) this.#call(callback, 'done');
  }

  #call(callback: (future: this) => void, kind: 'done' | 'progress'): void {
    try {
      callback(this);
    } catch (error) {
      process.emitWarning(`A ${kind} callback of a future threw: ${String(error)}`, {
        type: 'MultiprocWarning',
        detail: (error as Error | undefined)?.stack ?? '',
      });
    }
  }

  #promised(): Promise<T> {
    if (this.#promise !== undefined) return this.#promise;
    if (this.#failed) this.#promise = Promise.reject(this.#error as Error);
    else if (this.#state === 'finished') this.#promise = Promise.resolve(this.#value as T);
    else {
      this.#promise = new Promise<T>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
    }
    return this.#promise;
  }

  #mustBeOpen(): void {
    if (this.done()) throw new InvalidStateError(`Cannot settle the future: it is ${this.#state} already`);
  }

  static {
    showAs(Future, (future) => ({
      state: future.running() ? 'running' : future.#state,
      ...(future.#state === 'finished' && (future.#failed ? { error: future.#error } : { value: future.#value })),
    }));
  }
}

/** As `limitWait`, but rejects where that throws. */
async function limited<T>(promise: Promise<T>, wait: Wait | undefined, what: string): Promise<T> {
  return limitWait(promise, wait, what);
}
