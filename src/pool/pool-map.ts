/**
 * One `map` or `starmap` of a pool: all items are there, all results come back as one array.
 *
 * Runs in the process that has the pool. One message per chunk goes, one comes back. A limited number of chunks is
 * submitted ahead, so the memory of a long map is that of its items and results. The first error ends it: what has
 * not begun is cancelled.
 */
import { CancelledError, TimeoutError } from '../errors.js';
import { decodeValue, encodeArgs } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { onAbort } from '../workers/abort-listeners.js';
import type { WorkerEngine } from '../workers/engine.js';
import type { Job } from '../workers/jobs.js';
import { encodeContext } from '../workers/task-context.js';
import { Task, type TaskSink } from '../workers/task.js';
import type { MapOptions } from '../workers/task-options.js';
import { LARGE_BYTES } from '../workers/large-message.js';
import { type ChunkResult, FLAG_CHUNK, FLAG_REPORT, FLAG_SPREAD, TASK_HEADER_BYTES } from '../workers/worker-frames.js';
import type { Settlement } from './async-result.js';
import { cancelledBy, failureOf, LONGEST_TIMER_MS } from './pool-call.js';

/** What a map needs of its pool. */
export interface PoolMapContext {
  readonly engine: WorkerEngine;
  /** Called once, when all chunks are submitted or none will follow. */
  fed(): void;
  /** Whether everything ends anyway. */
  ended(): boolean;
}

const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES };
/** Chunks per worker that are submitted ahead: more than a worker may have at hand. */
const AHEAD_PER_WORKER = 256;
const CHUNKS_PER_WORKER = 4;

export class PoolMap<R> {
  readonly #context: PoolMapContext;
  readonly #items: readonly unknown[];
  readonly #options: MapOptions;
  readonly #settlement: Settlement<R[]>;
  readonly #spread: boolean;
  readonly #chunkSize: number;
  readonly #ahead: number;
  readonly #results: R[];
  readonly #job: Job;
  readonly #temporary: boolean;
  /** Of the call, whenever a chunk is submitted. */
  readonly #surroundings: Encoded | undefined;
  /** Submitted and not settled. */
  readonly #tasks = new Set<Task>();
  #next = 0;
  #done = 0;
  #fed = false;
  #over = false;
  #atEnd: (() => void)[] = [];

  /**
   * @param spread Each item is the array of arguments of its call.
   * @throws {SerializationError} If the function cannot be sent.
   */
  constructor(
    context: PoolMapContext,
    fn: unknown,
    items: readonly unknown[],
    spread: boolean,
    options: MapOptions,
    settlement: Settlement<R[]>,
  ) {
    const { maxWorkers } = context.engine.options;
    this.#context = context;
    this.#items = items;
    this.#spread = spread;
    this.#options = options;
    this.#settlement = settlement;
    const usual = Math.max(1, Math.ceil(items.length / (CHUNKS_PER_WORKER * maxWorkers)));
    this.#chunkSize = options.taskTimeout === undefined ? (options.chunkSize ?? usual) : 1;
    this.#ahead = options.bufferSize ?? AHEAD_PER_WORKER * maxWorkers;
    this.#results = new Array<R>(items.length);
    const { job, temporary } = context.engine.jobs.forMap(fn);
    this.#job = job;
    this.#temporary = temporary;
    this.#surroundings = encodeContext();
  }

  start(): void {
    const { signal, timeout } = this.#options;
    if (signal?.aborted === true) this.#end(cancelledBy(signal));
    else if (this.#items.length === 0) this.#finish();
    if (this.#over) return;
    if (signal !== undefined) this.#atEnd.push(onAbort(signal, () => this.#abort(cancelledBy(signal))));
    if (timeout !== undefined && timeout <= LONGEST_TIMER_MS) {
      const late = () => this.#end(new TimeoutError(`Cannot go on with map: it was not done within ${timeout} ms`));
      const timer = setTimeout(late, Math.max(0, timeout));
      this.#atEnd.push(() => clearTimeout(timer));
    }
    this.#fill();
  }

  /** Another one of its chunks is over. */
  readonly #settled = (task: Task | undefined): void => {
    if (task !== undefined) this.#tasks.delete(task);
    if (this.#over) {
      if (this.#tasks.size === 0 && this.#temporary) this.#context.engine.forget(this.#job);
    } else if (this.#done === this.#items.length) this.#finish();
    else if (this.#tasks.size <= this.#ahead >> 1) this.#fill();
  };

  #fill(): void {
    while (!this.#over && this.#next < this.#items.length && this.#tasks.size < this.#ahead) {
      try {
        this.#submit();
      } catch (error) {
        this.#end(error);
      }
    }
    if (this.#next >= this.#items.length) this.#noMore();
  }

  #submit(): void {
    const start = this.#next;
    const end = Math.min(start + this.#chunkSize, this.#items.length);
    const single = this.#chunkSize === 1;
    const items = this.#items.slice(start, end);
    const { taskTimeout } = this.#options;
    const flags = single ? 0 : FLAG_CHUNK | (this.#spread ? FLAG_SPREAD : 0);
    const sink = new ChunkSink<R>(single, (chunk, outcome) => {
      if ('error' in outcome) this.#end(outcome.error);
      else this.#store(start, outcome.values);
      this.#settled(chunk.task);
    });
    const task = new Task({
      id: this.#context.engine.nextTaskId(),
      encoded: encodeArgs(single && this.#spread ? (items[0] as unknown[]) : items, ENCODE_OPTIONS),
      job: this.#job,
      flags: flags | (taskTimeout === undefined ? 0 : FLAG_REPORT),
      sink,
      timeout: taskTimeout,
      context: this.#surroundings,
    });
    sink.task = task;
    this.#next = end;
    this.#tasks.add(task);
    this.#context.engine.submit(task);
  }

  #store(start: number, values: readonly R[]): void {
    if (this.#over) return;
    const { length } = values;
    for (let i = 0; i < length; i++) this.#results[start + i] = values[i] as R;
    this.#done += length;
    try {
      this.#options.onProgress?.(this.#done, this.#items.length);
    } catch (error) {
      this.#end(error);
    }
  }

  #finish(): void {
    this.#release();
    if (this.#temporary) this.#context.engine.forget(this.#job);
    this.#settlement.resolve(this.#results);
  }

  #end(error: unknown): void {
    if (this.#over) return;
    this.#release();
    this.#settlement.reject(error);
    if (this.#context.ended()) return;
    const rest = new CancelledError('The rest of the map was cancelled');
    for (const task of this.#tasks) this.#context.engine.cancel(task, rest);
  }

  /** Ends what runs as well. */
  #abort(error: Error): void {
    this.#end(error);
    for (const task of this.#tasks) this.#context.engine.abort(task, error);
  }

  #release(): void {
    this.#over = true;
    for (const release of this.#atEnd.splice(0)) release();
    this.#noMore();
  }

  #noMore(): void {
    if (this.#fed) return;
    this.#fed = true;
    this.#context.fed();
  }
}

type ChunkOutcome<R> = { readonly values: readonly R[] } | { readonly error: unknown };

class ChunkSink<R> implements TaskSink {
  task: Task | undefined;
  readonly #single: boolean;
  readonly #tell: (chunk: ChunkSink<R>, outcome: ChunkOutcome<R>) => void;

  constructor(single: boolean, tell: (chunk: ChunkSink<R>, outcome: ChunkOutcome<R>) => void) {
    this.#single = single;
    this.#tell = tell;
  }

  succeed(buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    let outcome: ChunkOutcome<R>;
    try {
      const value = decodeValue(buffer, start, end, { owned, inFlight: true });
      outcome = this.#single ? { values: [value as R] } : outcomeOf<R>(value as ChunkResult);
    } catch (error) {
      outcome = { error };
    }
    this.#tell(this, outcome);
  }

  failEncoded(buffer: Uint8Array, start: number, end: number): void {
    this.fail(failureOf(buffer, start, end));
  }

  fail(error: unknown): void {
    this.#tell(this, { error });
  }
}

/** The values, or the first error among them. */
function outcomeOf<R>({ values, failures }: ChunkResult): ChunkOutcome<R> {
  const failure = failures[0]?.[1];
  return failure === undefined ? { values: values as R[] } : { error: failureOf(failure, 0, failure.length) };
}
