/**
 * `map`: reads the inputs lazily, sends them in chunks, gives the results in input order.
 *
 * Runs in the process that submits. At most `bufferSize` chunks are submitted and not yet consumed, so infinite
 * and slow inputs work, and a slow consumer holds the inputs back. Whoever stops reading cancels the rest.
 */
import { CancelledError, TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { decodeValue, encodeArgs } from '../wire/codec.js';
import { decodeFailure } from '../wire/remote-error.js';
import type { WorkerEngine } from '../workers/engine.js';
import type { Job } from '../workers/jobs.js';
import { Task, type TaskSink } from '../workers/task.js';
import { type ChunkResult, FLAG_CHUNK, FLAG_REPORT, FLAG_SPREAD, TASK_HEADER_BYTES } from '../workers/worker-frames.js';
import type { MapOptions, TaskOptions } from './executor.js';
import { checkCount } from './process-pool-executor.js';

/** What a map needs of its executor. */
export interface MapContext {
  readonly engine: WorkerEngine;
  /** Undefined below `maxPending`, else resolves there. */
  ready(): Promise<void> | undefined;
  /** @throws If the executor was closed or broken meanwhile. */
  check(): void;
  onDone(): void;
  /** Default of `bufferSize`. */
  readonly bufferSize: number;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** The iterator of one `map` call; `rest` is the iterables, and perhaps the options. */
export function mapOver<T>(context: MapContext, fn: (...args: never[]) => unknown, rest: readonly unknown[], taskOptions: TaskOptions): AsyncIterableIterator<T> {
  const last = rest.at(-1);
  const hasOptions = rest.length > 0 && !isIterable(last);
  const options = { ...taskOptions, ...((hasOptions ? last : {}) as MapOptions) };
  const iterables = hasOptions ? rest.slice(0, -1) : rest;
  checkMapOptions(options, last, hasOptions);
  if (iterables.length === 0) throw new TypeError('Cannot map: at least one iterable is needed');
  iterables.forEach((each, index) => {
    if (!isIterable(each)) throw new TypeError(`Cannot map: argument ${index + 1} must be iterable, received ${String(each)}`);
  });
  return new MapIterator<T>(context, fn, iterables as AnyIterable[], options);
}

type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>;
type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

class MapIterator<T> implements AsyncIterableIterator<T> {
  readonly #context: MapContext;
  readonly #options: MapOptions & TaskOptions;
  readonly #inputs: AnyIterator[];
  readonly #chunkSize: number;
  readonly #bufferSize: number;
  readonly #total: number | undefined;
  readonly #job: Job;
  readonly #temporary: boolean;
  readonly #deadline: number;
  /** Submitted and not yet consumed, in input order. */
  readonly #chunks: Chunk<T>[] = [];
  /** Outcomes of the chunk that is being consumed. */
  #current: Outcome<T>[] = [];
  #at = 0;
  #done = 0;
  #inputEnded = false;
  #inputError: { error: unknown } | undefined;
  #closed = false;
  /** Set while the inputs make it wait. */
  #filling: Promise<void> | undefined;
  /** Calls of `next()` that wait, one behind the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(context: MapContext, fn: (...args: never[]) => unknown, iterables: readonly AnyIterable[], options: MapOptions & TaskOptions) {
    this.#context = context;
    this.#options = options;
    this.#chunkSize = options.taskTimeout === undefined ? (options.chunkSize ?? 1) : 1;
    this.#bufferSize = options.bufferSize ?? context.bufferSize;
    this.#total = totalOf(iterables);
    this.#deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : now() + options.timeout;
    const { job, temporary } = context.engine.jobs.forMap(fn);
    this.#job = job;
    this.#temporary = temporary;
    this.#inputs = iterables.map(iteratorOf);
    options.signal?.throwIfAborted();
    void this.#fill();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#waiting === 0 && this.#at < this.#current.length) return this.#outcome();
    this.#waiting++;
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.then(this.#afterWait, this.#afterWait);
    return result;
  }

  async return(): Promise<IteratorResult<T>> {
    await this.#close();
    return { value: undefined, done: true };
  }

  async #next(): Promise<IteratorResult<T>> {
    while (this.#at === this.#current.length) {
      if (this.#closed) return { value: undefined, done: true };
      if (this.#chunks.length === 0) {
        await this.#fill();
        if (this.#chunks.length > 0) continue;
        const failed = this.#inputError;
        await this.#close();
        if (failed !== undefined) throw failed.error;
        return { value: undefined, done: true };
      }
      await this.#take(this.#chunks[0] as Chunk<T>);
    }
    return this.#outcome();
  }

  #outcome(): Promise<IteratorResult<T>> {
    const outcome = this.#current[this.#at] as Outcome<T>;
    this.#current[this.#at++] = undefined as never;
    return 'error' in outcome ? Promise.reject(outcome.error as Error) : Promise.resolve({ value: outcome.value, done: false });
  }

  readonly #afterWait = (): void => {
    this.#waiting--;
  };

  async #take(chunk: Chunk<T>): Promise<void> {
    try {
      this.#current = await this.#limited(chunk.outcomes);
    } catch (error) {
      await this.#close();
      throw error;
    }
    this.#at = 0;
    this.#chunks.shift();
    this.#done += this.#current.length;
    this.#options.onProgress?.(this.#done, this.#total);
    void this.#fill();
  }

  /** Ends the wait when the time of the whole call is up. */
  #limited<V>(promise: Promise<V>): Promise<V> {
    if (this.#deadline === Number.POSITIVE_INFINITY) return promise;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new TimeoutError(`Cannot go on with map: it was not done within ${this.#options.timeout} ms`)),
        Math.max(0, this.#deadline - now()),
      );
      promise.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** Submits chunks while there is room; synchronously as long as the inputs are. */
  #fill(): Promise<void> | undefined {
    if (this.#filling !== undefined) return this.#filling;
    const waits = this.#fillNow();
    if (waits === undefined) return undefined;
    this.#filling = waits.then(() => {
      this.#filling = undefined;
      return this.#fill();
    });
    return this.#filling;
  }

  /** Returns what it has to wait for before it can go on. */
  #fillNow(): Promise<void> | undefined {
    // A buffer is refilled when half of it is consumed: workers are then woken once for several chunks.
    if (this.#chunks.length > this.#bufferSize >> 1) return undefined;
    while (!this.#inputEnded && !this.#closed && this.#chunks.length < this.#bufferSize) {
      const full = this.#context.ready();
      if (full !== undefined) return full;
      const items: unknown[] = [];
      try {
        const reading = this.#readChunk(items, []);
        if (reading !== undefined) {
          return reading.then(
            () => this.#submit(items),
            (error: unknown) => this.#endInput({ error }),
          );
        }
        this.#submit(items);
      } catch (error) {
        this.#endInput({ error });
      }
    }
    return undefined;
  }

  #endInput(failed: { error: unknown }): void {
    this.#inputEnded = true;
    this.#inputError ??= failed;
  }

  /** Reads until `items` is a chunk; a promise where an input makes it wait. */
  #readChunk(items: unknown[], tuple: unknown[]): Promise<void> | undefined {
    while (items.length < this.#chunkSize) {
      const input = this.#inputs[tuple.length] as AnyIterator;
      const read = input.next();
      if (isPromise(read)) return read.then((each) => (this.#accept(each, items, tuple) ? this.#readChunk(items, tuple.length === this.#inputs.length ? [] : tuple) : undefined));
      if (!this.#accept(read, items, tuple)) return undefined;
      if (tuple.length === this.#inputs.length) tuple = [];
    }
    return undefined;
  }

  #accept({ value, done }: IteratorResult<unknown>, items: unknown[], tuple: unknown[]): boolean {
    if (done === true) {
      this.#inputEnded = true;
      return false;
    }
    tuple.push(value);
    if (tuple.length === this.#inputs.length) items.push(tuple.length === 1 ? value : tuple);
    return true;
  }

  #submit(items: unknown[]): void {
    if (items.length === 0 || this.#closed) return;
    this.#context.check();
    const { taskTimeout, priority, retries, signal } = this.#options;
    const { engine } = this.#context;
    const chunk = new Chunk<T>(items.length);
    this.#chunks.push(chunk);
    try {
      const task = new Task({
        id: engine.nextTaskId(),
        encoded: encodeArgs(items, { headerBytes: TASK_HEADER_BYTES }),
        job: this.#job,
        flags: FLAG_CHUNK | (this.#inputs.length === 1 ? 0 : FLAG_SPREAD) | (taskTimeout === undefined ? 0 : FLAG_REPORT),
        sink: chunk,
        priority,
        timeout: taskTimeout,
        retries,
      });
      chunk.task = task;
      engine.submit(task);
    } catch (error) {
      chunk.fail(error);
      return;
    }
    if (signal === undefined) return;
    const onAbort = () => engine.abort(chunk.task as Task, new CancelledError('The task was cancelled by its signal', { cause: signal.reason }));
    signal.addEventListener('abort', onAbort, { once: true });
    void chunk.outcomes.then(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { engine, onDone } = this.#context;
    for (const { task } of this.#chunks) if (task !== undefined) engine.cancel(task, new CancelledError('The rest of the map was cancelled'));
    const rest = this.#chunks.splice(0);
    if (this.#temporary) void Promise.all(rest.map((chunk) => chunk.outcomes)).then(() => engine.forget(this.#job));
    onDone();
    if (this.#inputEnded) return;
    for (const input of this.#inputs) await input.return?.();
  }
}

/** One task of a map: what its items came to. */
class Chunk<T> implements TaskSink {
  readonly outcomes: Promise<Outcome<T>[]>;
  task: Task | undefined;
  readonly #size: number;
  #resolve: (outcomes: Outcome<T>[]) => void = () => {};

  constructor(size: number) {
    this.#size = size;
    this.outcomes = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  succeed(buffer: Uint8Array, start: number, end: number): void {
    try {
      const { values, failures } = decodeValue(buffer, start, end) as ChunkResult;
      const outcomes: Outcome<T>[] = values.map((value) => ({ value: value as T }));
      for (const [index, failure] of failures) outcomes[index] = { error: decoded(failure, 0, failure.length) };
      this.#resolve(outcomes);
    } catch (error) {
      this.fail(error);
    }
  }

  failEncoded(buffer: Uint8Array, start: number, end: number): void {
    this.fail(decoded(buffer, start, end));
  }

  fail(error: unknown): void {
    this.#resolve(Array.from({ length: this.#size }, () => ({ error })));
  }
}

function decoded(buffer: Uint8Array, start: number, end: number): unknown {
  try {
    return decodeFailure(buffer, start, end);
  } catch (error) {
    return error;
  }
}

function checkMapOptions(options: MapOptions, given: unknown, hasOptions: boolean): void {
  if (hasOptions && (typeof given !== 'object' || given === null)) throw new TypeError(`Cannot map: the last argument must be iterable or an object of options, received ${String(given)}`);
  checkCount('Cannot map', 'chunkSize', options.chunkSize);
  checkCount('Cannot map', 'bufferSize', options.bufferSize);
  if (options.timeout !== undefined && (typeof options.timeout !== 'number' || Number.isNaN(options.timeout))) {
    throw new RangeError(`Cannot map: timeout must be a number of milliseconds, received ${String(options.timeout)}`);
  }
}

function isIterable(value: unknown): value is AnyIterable {
  if (typeof value === 'string') return true;
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function iteratorOf(iterable: AnyIterable): AnyIterator {
  return Symbol.asyncIterator in Object(iterable) ? (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]() : (iterable as Iterable<unknown>)[Symbol.iterator]();
}

function isPromise(value: unknown): value is Promise<IteratorResult<unknown>> {
  return typeof (value as { then?: unknown }).then === 'function';
}

/** How many items there will be, where all the iterables say. */
function totalOf(iterables: readonly AnyIterable[]): number | undefined {
  const lengths = iterables.map((each) => {
    const { length, size } = each as { length?: unknown; size?: unknown };
    return typeof length === 'number' ? length : typeof size === 'number' ? size : undefined;
  });
  return lengths.includes(undefined) ? undefined : Math.min(...(lengths as number[]));
}
