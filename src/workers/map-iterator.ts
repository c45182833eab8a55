/**
 * `map`: reads the inputs lazily, sends them in chunks, gives the results in input order.
 *
 * Runs in the process that submits. At most `bufferSize` chunks are submitted and not yet consumed, so infinite
 * and slow inputs work, and a slow consumer holds the inputs back. Whoever stops reading cancels the rest.
 */
import { CancelledError, TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import type { WorkerEngine } from './engine.js';
import type { Job } from './jobs.js';
import { Task } from './task.js';
import { FLAG_CHUNK, FLAG_REPORT, FLAG_SPREAD } from './worker-frames.js';
import { onAbort } from './abort-listeners.js';
import { checkCount, checkTaskOptions } from './check-options.js';
import { Chunk, encodeItems, type Outcome } from './chunk.js';
import type { MapOptions, TaskOptions } from './task-options.js';

/** What a map needs of its executor. */
export interface MapContext {
  readonly engine: WorkerEngine;
  /** Undefined below `maxPending`, else resolves there. */
  ready(): Promise<void> | undefined;
  /** @throws If the executor was closed or broken meanwhile. */
  check(): void;
  /** Called when nothing more will be submitted, at least once. */
  fed?(): void;
}

interface Failure {
  readonly error: unknown;
}

/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The iterator of one `map` call; `rest` is the iterables, and perhaps the options. */
export function mapOver<T>(
  context: MapContext,
  fn: (...args: never[]) => unknown,
  rest: readonly unknown[],
  taskOptions: TaskOptions,
): AsyncIterableIterator<T> {
  const last = rest.at(-1);
  const hasOptions = rest.length > 0 && !isIterable(last);
  const options = { ...taskOptions, ...((hasOptions ? last : {}) as MapOptions) };
  const iterables = hasOptions ? rest.slice(0, -1) : rest;
  checkMapOptions(options, last, hasOptions);
  if (iterables.length === 0) throw new TypeError('Cannot map: at least one iterable is needed');
  iterables.forEach((each, index) => {
    if (!isIterable(each)) throw new TypeError(`Cannot map: argument ${index + 1} must be iterable, received ${String(each)}`);
  });
  return new MapIterator<T>(context, fn, iterables as AnyIterable[], options, false);
}

/** The same for one iterable and its options. `unordered`: each chunk as soon as it is there. */
export function iterateMap<T>(
  context: MapContext,
  fn: (...args: never[]) => unknown,
  items: AnyIterable,
  options: MapOptions,
  unordered: boolean,
): AsyncIterableIterator<T> {
  checkMapOptions(options, options, true);
  if (!isIterable(items)) throw new TypeError(`Cannot map: the items must be iterable, received ${String(items)}`);
  return new MapIterator<T>(context, fn, [items], options, unordered);
}

type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>;
type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

class MapIterator<T> implements AsyncIterableIterator<T> {
  readonly #context: MapContext;
  readonly #options: MapOptions & TaskOptions;
  readonly #inputs: AnyIterator[];
  readonly #chunkSize: number;
  readonly #bufferSize: number;
  /** Below so many chunks the buffer is filled again: workers are then woken once for several chunks. */
  readonly #lowWater: number;
  readonly #total: number | undefined;
  readonly #job: Job;
  readonly #temporary: boolean;
  readonly #deadline: number;
  /** Submitted and not yet consumed, in input order. */
  readonly #chunks: Chunk<T>[] = [];
  /** Of an unordered map: those of them that are done. */
  readonly #arrived: Chunk<T>[] | undefined;
  /** Ends the wait for the next of those. */
  #onArrival: (() => void) | undefined;
  /** Outcomes of the chunk that is being consumed. */
  #current: Outcome<T>[] = [];
  #at = 0;
  #done = 0;
  /** By input: whether it has nothing more to give. */
  readonly #over: boolean[];
  /** The input that it waits for. */
  #reading: AnyIterator | undefined;
  #inputEnded = false;
  #inputError: Failure | undefined;
  #closed = false;
  #unlisten: (() => void) | undefined;
  /** Why it was closed, until `next()` has said so. */
  #failed: Failure | undefined;
  /** Set while an input or `maxPending` makes it wait. */
  #filling: Promise<void> | undefined;
  /** Ends the wait for an input. */
  #interrupt: (() => void) | undefined;
  /** Calls of `next()` that wait, one behind the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    context: MapContext,
    fn: (...args: never[]) => unknown,
    iterables: readonly AnyIterable[],
    options: MapOptions & TaskOptions,
    unordered: boolean,
  ) {
    const { maxWorkers } = context.engine.options;
    this.#context = context;
    this.#arrived = unordered ? [] : undefined;
    this.#options = options;
    this.#chunkSize = options.taskTimeout === undefined ? (options.chunkSize ?? 1) : 1;
    this.#bufferSize = options.bufferSize ?? 4 * maxWorkers;
    this.#lowWater = Math.max(this.#bufferSize >> 1, Math.min(this.#bufferSize - 1, 2 * maxWorkers));
    this.#total = totalOf(iterables);
    this.#deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : now() + options.timeout;
    const { job, temporary } = context.engine.jobs.forMap(fn);
    this.#job = job;
    this.#temporary = temporary;
    this.#inputs = iterables.map(iteratorOf);
    this.#over = iterables.map(() => false);
    const { signal } = options;
    if (signal?.aborted === true) this.#onAbort();
    else if (signal !== undefined) this.#unlisten = onAbort(signal, this.#onAbort);
    this.#fill();
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
      const chunk = this.#arrived === undefined ? this.#chunks[0] : this.#arrived.shift();
      if (this.#closed) return this.#last();
      if (chunk !== undefined) await this.#take(chunk);
      else if (this.#chunks.length > 0) await this.#limited(this.#arrival());
      else if (this.#inputEnded) await this.#close(this.#inputError);
      else await this.#waitForInput();
    }
    return this.#outcome();
  }

  #outcome(): Promise<IteratorResult<T>> {
    const outcome = this.#current[this.#at] as Outcome<T>;
    this.#current[this.#at++] = undefined as never;
    return 'error' in outcome ? Promise.reject(outcome.error as Error) : Promise.resolve({ value: outcome.value, done: false });
  }

  /** What a closed iterator gives: why it was closed, once, then the end. */
  #last(): IteratorResult<T> {
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed !== undefined) throw failed.error;
    return { value: undefined, done: true };
  }

  readonly #afterWait = (): void => {
    this.#waiting--;
  };

  readonly #onAbort = (): void => {
    this.#abandon(new CancelledError('The map was cancelled by its signal', { cause: this.#options.signal?.reason }));
  };

  async #take(chunk: Chunk<T>): Promise<void> {
    const outcomes = await this.#limited(chunk.outcomes);
    if (this.#closed) return;
    this.#current = outcomes;
    this.#at = 0;
    this.#chunks.splice(this.#chunks.indexOf(chunk), 1);
    this.#done += outcomes.length;
    if (this.#chunks.length <= this.#lowWater) this.#fill();
    this.#options.onProgress?.(this.#done, this.#total);
  }

  /** Of an unordered map: resolves when another chunk is done. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#onArrival = resolve;
    });
  }

  #watchArrival(chunk: Chunk<T>): void {
    const arrived = (): void => {
      this.#arrived?.push(chunk);
      this.#onArrival?.();
    };
    void chunk.outcomes.then(arrived);
  }

  #waitForInput(): Promise<void> {
    this.#fill();
    if (this.#filling === undefined) return Promise.resolve();
    const interrupted = new Promise<void>((resolve) => {
      this.#interrupt = resolve;
    });
    return this.#limited(Promise.race([this.#filling, interrupted]));
  }

  /** Closes the iterator when the time of the whole call is up, which ends the wait. */
  #limited<V>(wait: Promise<V>): Promise<V> {
    if (this.#deadline === Number.POSITIVE_INFINITY) return wait;
    const left = this.#deadline - now();
    if (left > LONGEST_TIMER_MS) return wait;
    const timer = setTimeout(
      () => this.#abandon(new TimeoutError(`Cannot go on with map: it was not done within ${this.#options.timeout} ms`)),
      Math.max(0, left),
    );
    return wait.finally(() => clearTimeout(timer));
  }

  /** Submits chunks while there is room: synchronously as long as the inputs are, then step by step. */
  #fill(): void {
    if (this.#filling !== undefined) return;
    this.#filling = this.#fillNow()?.then(() => {
      this.#filling = undefined;
      this.#fill();
    });
  }

  /** Returns what it has to wait for before it can go on; that never rejects. */
  #fillNow(): Promise<void> | undefined {
    while (!this.#inputEnded && !this.#closed && this.#chunks.length < this.#bufferSize) {
      const full = this.#context.ready();
      if (full !== undefined) return full;
      const items: unknown[] = [];
      try {
        const reading = this.#readChunk(items, []);
        if (reading !== undefined) {
          return reading.then(
            () => this.#submit(items),
            (error: unknown) => this.#endAfter(items, error),
          );
        }
      } catch (error) {
        this.#endAfter(items, error);
        return undefined;
      }
      this.#submit(items);
    }
    return undefined;
  }

  /** An input has failed: what was read before comes first. */
  #endAfter(items: unknown[], error: unknown): void {
    this.#reading = undefined;
    this.#submit(items);
    this.#endInput({ error });
    this.#context.fed?.();
  }

  /** One input has ended or failed: the others are not needed any more. */
  #endInput(failed?: Failure): void {
    this.#inputEnded = true;
    this.#inputError ??= failed;
    this.#closeInputs().catch((error: unknown) => {
      this.#inputError ??= { error };
    });
  }

  /** Reads until `items` is a chunk; a promise where an input makes it wait. */
  #readChunk(items: unknown[], tuple: unknown[]): Promise<void> | undefined {
    while (items.length < this.#chunkSize) {
      const input = this.#inputs[tuple.length] as AnyIterator;
      this.#over[tuple.length] = true; // unless it gives something
      const read = input.next();
      if (!isPromise(read)) {
        if (!this.#accept(read, items, tuple)) return undefined;
        if (tuple.length === this.#inputs.length) tuple = [];
        continue;
      }
      this.#reading = input;
      return read.then((each) =>
        this.#accept(each, items, tuple) ? this.#readChunk(items, tuple.length === this.#inputs.length ? [] : tuple) : undefined,
      );
    }
    return undefined;
  }

  #accept({ value, done }: IteratorResult<unknown>, items: unknown[], tuple: unknown[]): boolean {
    this.#reading = undefined;
    if (this.#closed) return false;
    if (done === true) {
      this.#endInput();
      return false;
    }
    this.#over[tuple.length] = false;
    tuple.push(value);
    if (tuple.length === this.#inputs.length) items.push(tuple.length === 1 ? value : tuple);
    return true;
  }

  #submit(items: unknown[]): void {
    this.#submitChunk(items);
    if (this.#inputEnded) this.#context.fed?.();
  }

  #submitChunk(items: unknown[]): void {
    if (items.length === 0 || this.#closed) return;
    const chunk = new Chunk<T>(items.length);
    try {
      this.#context.check();
      const task = this.#task(items, chunk);
      this.#chunks.push(chunk);
      if (this.#arrived !== undefined) this.#watchArrival(chunk);
      if (task !== undefined) this.#context.engine.submit(task);
    } catch (error) {
      this.#endInput({ error });
    }
  }

  /** The task of a chunk, without the items that cannot be sent: they fail alone. Undefined: none can. */
  #task(items: unknown[], chunk: Chunk<T>): Task | undefined {
    const encoded = encodeItems(items, chunk);
    if (encoded === undefined) return undefined;
    const { taskTimeout, priority, retries } = this.#options;
    chunk.task = new Task({
      id: this.#context.engine.nextTaskId(),
      encoded,
      job: this.#job,
      flags: FLAG_CHUNK | (this.#inputs.length === 1 ? 0 : FLAG_SPREAD) | (taskTimeout === undefined ? 0 : FLAG_REPORT),
      sink: chunk,
      priority,
      timeout: taskTimeout,
      retries,
    });
    return chunk.task;
  }

  /** Ends it with an error, and its running tasks if a signal says so. */
  #abandon(error: Error): void {
    if (this.#closed) return;
    if (error instanceof CancelledError) {
      for (const { task } of this.#chunks) if (task !== undefined) this.#context.engine.abort(task, error);
    }
    this.#close({ error }).catch(() => {}); // what an input says to its end matters less
  }

  async #close(failed?: Failure): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#failed = failed;
    this.#current = [];
    this.#at = 0;
    this.#unlisten?.();
    this.#context.fed?.();
    const { engine } = this.#context;
    const rest = this.#chunks.splice(0);
    for (const { task } of rest)
      if (task !== undefined) engine.cancel(task, new CancelledError('The rest of the map was cancelled'));
    for (const chunk of rest) chunk.interrupt();
    this.#interrupt?.();
    if (this.#temporary) void Promise.all(rest.map((chunk) => chunk.settled())).then(() => engine.forget(this.#job));
    await this.#closeInputs();
  }

  /** Tells all inputs that still have something to give that it is not wanted. */
  async #closeInputs(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    const closing = this.#inputs.map(async (input, index) => {
      if (this.#over[index] === true && input !== reading) return;
      this.#over[index] = true;
      const returned = input.return?.();
      if (input !== reading) await returned;
      else if (returned !== undefined && isPromise(returned)) returned.catch(() => {}); // it may never answer
    });
    const first = (await Promise.allSettled(closing)).find((each) => each.status === 'rejected');
    if (first !== undefined) throw first.reason;
  }
}

function checkMapOptions(options: MapOptions & TaskOptions, given: unknown, hasOptions: boolean): void {
  if (hasOptions && (typeof given !== 'object' || given === null))
    throw new TypeError(`Cannot map: the last argument must be iterable or an object of options, received ${String(given)}`);
  checkCount('Cannot map', 'chunkSize', options.chunkSize);
  checkCount('Cannot map', 'bufferSize', options.bufferSize);
  checkTaskOptions('Cannot map', options);
  if (options.timeout !== undefined && (typeof options.timeout !== 'number' || Number.isNaN(options.timeout))) {
    throw new RangeError(`Cannot map: timeout must be a number of milliseconds, received ${String(options.timeout)}`);
  }
}

function isIterable(value: unknown): value is AnyIterable {
  if (typeof value === 'string') return true;
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function iteratorOf(iterable: AnyIterable): AnyIterator {
  return Symbol.asyncIterator in Object(iterable)
    ? (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    : (iterable as Iterable<unknown>)[Symbol.iterator]();
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
