/**
 * The iterator of `map` and `imap`: sends the inputs in chunks as they are read, gives the results in input order.
 *
 * Runs in the process that submits. At most `bufferSize` chunks are submitted and not yet consumed, so infinite
 * and slow inputs work, and a slow consumer holds the inputs back. Whoever stops reading cancels the rest.
 */
import { CancelledError, TimeoutError } from '../errors.js';
import type { Encoded } from '../wire/codec-types.js';
import type { WorkerEngine } from './engine.js';
import type { Job } from './jobs.js';
import { onAbort } from './abort-listeners.js';
import { CallDeadline } from './call-deadline.js';
import { Chunk, type Outcome, taskOfChunk } from './chunk.js';
import { type Failure, MapInputs } from './map-inputs.js';
import { encodeContext } from './task-context.js';
import type { AnyIterable, MapOptions, TaskOptions } from './task-options.js';

/** What a map needs of its executor. */
export interface MapContext {
  readonly engine: WorkerEngine;
  /** Undefined below `maxPending`, else resolves there. */
  ready(): Promise<void> | undefined;
  /** @throws If the executor was closed or broken meanwhile. */
  check(): void;
  /** Called when nothing more will be submitted, at least once. */
  fed?(): void;
  /** Given what lets it read all its inputs and submit them, whoever reads the results: no back-pressure from then on. */
  onJoin?(readAll: () => void): void;
}

export class MapIterator<T> implements AsyncIterableIterator<T> {
  readonly #context: MapContext;
  readonly #options: MapOptions & TaskOptions;
  readonly #inputs: MapInputs;
  readonly #chunkSize: number;
  #bufferSize: number;
  /** Below so many chunks the buffer is filled again: workers are then woken once for several chunks. */
  #lowWater: number;
  readonly #job: Job;
  readonly #temporary: boolean;
  /** Of the call, whenever a chunk is submitted. */
  readonly #surroundings: Encoded | undefined;
  readonly #deadline: CallDeadline;
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
    iterables: readonly AnyIterable<unknown>[],
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
    this.#deadline = new CallDeadline(options.timeout, () => this.#abandon(late(options.timeout)));
    const { job, temporary } = context.engine.jobs.forMap(fn);
    this.#job = job;
    this.#temporary = temporary;
    this.#surroundings = encodeContext(options.traceparent);
    this.#inputs = new MapInputs(iterables);
    const { signal } = options;
    if (signal?.aborted === true) this.#onAbort();
    else if (signal !== undefined) this.#unlisten = onAbort(signal, this.#onAbort);
    context.onJoin?.(() => this.#readAll());
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
      else if (this.#chunks.length > 0) await this.#deadline.limit(this.#arrival());
      else if (this.#inputs.ended) await this.#close(this.#inputs.failed);
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

  #readAll(): void {
    this.#bufferSize = Number.POSITIVE_INFINITY;
    this.#lowWater = Number.POSITIVE_INFINITY;
    this.#fill();
  }

  readonly #afterWait = (): void => {
    this.#waiting--;
  };

  readonly #onAbort = (): void => {
    this.#abandon(new CancelledError('The map was cancelled by its signal', { cause: this.#options.signal?.reason }));
  };

  async #take(chunk: Chunk<T>): Promise<void> {
    const outcomes = await this.#deadline.limit(chunk.outcomes);
    if (this.#closed) return;
    this.#current = outcomes;
    this.#at = 0;
    this.#chunks.splice(this.#chunks.indexOf(chunk), 1);
    this.#done += outcomes.length;
    if (this.#chunks.length <= this.#lowWater) this.#fill();
    this.#options.onProgress?.(this.#done, this.#inputs.total);
  }

  /** Of an unordered map: resolves when another chunk is done. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#onArrival = resolve;
    });
  }

  #watchArrival(chunk: Chunk<T>): void {
    void chunk.outcomes.then(() => {
      this.#arrived?.push(chunk);
      this.#onArrival?.();
    });
  }

  #waitForInput(): Promise<void> {
    this.#fill();
    if (this.#filling === undefined) return Promise.resolve();
    const interrupted = new Promise<void>((resolve) => {
      this.#interrupt = resolve;
    });
    return this.#deadline.limit(Promise.race([this.#filling, interrupted]));
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
    while (!this.#inputs.ended && !this.#closed && this.#chunks.length < this.#bufferSize) {
      const full = this.#context.ready();
      if (full !== undefined) return full;
      const items: unknown[] = [];
      const reading = this.#inputs.read(items, this.#chunkSize);
      if (reading !== undefined) return reading.then(() => this.#submit(items));
      this.#submit(items);
    }
    return undefined;
  }

  #submit(items: unknown[]): void {
    this.#submitChunk(items);
    if (this.#inputs.ended) this.#context.fed?.();
  }

  #submitChunk(items: unknown[]): void {
    if (items.length === 0 || this.#closed) return;
    const chunk = new Chunk<T>(items.length);
    try {
      this.#context.check();
      const what = { job: this.#job, context: this.#surroundings, items, isSpread: this.#inputs.isSpread };
      const task = taskOfChunk(this.#context.engine.nextTaskId(), what, chunk, this.#options);
      this.#chunks.push(chunk);
      if (this.#arrived !== undefined) this.#watchArrival(chunk);
      if (task !== undefined) this.#context.engine.submit(task);
    } catch (error) {
      this.#inputs.end({ error });
    }
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
    await this.#inputs.close();
  }
}

function late(timeoutMs: number | undefined): TimeoutError {
  return new TimeoutError(`Cannot go on with map: it was not done within ${timeoutMs} ms`);
}
