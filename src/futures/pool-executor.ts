/**
 * What executors over workers of any kind have in common.
 *
 * Runs in the process that submits. A face of the worker engine: checks arguments, makes futures.
 */
import { CancelledError, ClosedError, QueueFullError } from '../errors.js';
import { cpuCount } from '../process/cpu-count.js';
import { showAs } from '../sharing/inspection.js';
import { WorkerEngine } from '../workers/engine.js';
import { stopWithOwner } from '../workers/forgotten.js';
import type { WorkerKind } from '../workers/worker-kind.js';
import { checkTraceparent, encodeContext } from '../workers/task-context.js';
import type { PoolStats } from '../workers/statistics.js';
import { Task } from '../workers/task.js';
import { LARGE_BYTES } from '../workers/large-message.js';
import { FLAG_INLINE, FLAG_REPORT, TASK_HEADER_BYTES } from '../workers/worker-frames.js';
import { checkTaskOptions } from '../workers/check-options.js';
import { checkExecutorOptions, type ProcessPoolExecutorOptions } from './executor-options.js';
import { Executor, type Iterables, type MapOptions, type TaskOptions } from './executor.js';
import type { Future } from './future.js';
import { PendingLimit } from './pending-limit.js';
import { mapOver } from '../workers/map.js';
import { TaskFuture } from './task-sink.js';

const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES };
const NO_OPTIONS: TaskOptions = {};

/** Runs functions in workers. */
export abstract class PoolExecutor extends Executor {
  readonly #engine: WorkerEngine;
  readonly #kind: WorkerKind;
  readonly #limit: PendingLimit;
  readonly #traceparent: (() => string | undefined) | undefined;
  #closed: string | undefined;

  /** @param workers Says what they are, once the options are checked. @throws {TypeError|RangeError} If one of those is wrong. */
  constructor(options: ProcessPoolExecutorOptions, workers: () => WorkerKind) {
    super();
    checkExecutorOptions(`Cannot create a ${new.target.name}`, options);
    const kind = workers();
    this.#kind = kind;
    this.#traceparent = options.traceparent;
    // None of these functions may know this executor: it is to be collected when nobody else keeps it.
    const limit = new PendingLimit(options.maxPending ?? Number.POSITIVE_INFINITY, () => engine.active);
    const engine = new WorkerEngine({
      maxWorkers: options.maxWorkers ?? cpuCount(),
      initializer: options.initializer,
      initArgs: options.initArgs,
      maxTasksPerChild: options.maxTasksPerChild,
      idleTimeout: options.idleTimeout,
      memoryLimitMb: options.memoryLimitMb,
      heartbeat: options.heartbeat,
      onWorkerDeath: options.onWorkerDeath ?? 'break',
      namePrefix: 'PoolWorker',
      onSettled: options.maxPending === undefined ? undefined : () => limit.settled(),
      kind,
    });
    this.#limit = limit;
    this.#engine = engine;
    stopWithOwner(this, engine);
  }

  /**
   * @throws {ClosedError} After shutdown.
   * @throws {BrokenProcessPoolError|BrokenThreadPoolError} When a worker's death broke it.
   * @throws {QueueFullError} Above `maxPending`.
   */
  submit<A extends unknown[], R>(task: new (...args: A) => R, ...args: A): Future<R>;
  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Future<Awaited<R>>;
  submit<R>(fn: unknown, ...args: unknown[]): Future<Awaited<R>> {
    return this.#submit(fn as (...args: unknown[]) => R, args, NO_OPTIONS);
  }

  map<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...iterables: [...Iterables<A>, MapOptions]
  ): AsyncIterableIterator<Awaited<R>>;
  map<A extends unknown[], R>(fn: (...args: A) => R, ...iterables: Iterables<A>): AsyncIterableIterator<Awaited<R>>;
  map<R>(fn: (...args: never[]) => R, ...rest: unknown[]): AsyncIterableIterator<Awaited<R>> {
    return this.#map(fn, rest, NO_OPTIONS);
  }

  options(options: TaskOptions): Pick<this, 'submit' | 'map'> {
    checkTaskOptions('Cannot set task options', options);
    return {
      submit: (fn: (...args: unknown[]) => unknown, ...args: unknown[]) => this.#submit(fn, args, options),
      map: (fn: (...args: never[]) => unknown, ...rest: unknown[]) => this.#map(fn, rest, options),
    } as unknown as Pick<this, 'submit' | 'map'>;
  }

  /** Resolves when `submit` would not throw `QueueFullError`. */
  whenReady(): Promise<void> {
    return this.#limit.room();
  }

  /**
   * Calls `fn(...args)` once in each of `maxWorkers` workers, starting those that do not run yet.
   *
   * - Waits for what they are doing; `maxPending` does not hold it up.
   * - Rejects with the first error, the other calls go on.
   *
   * @returns The results, in no particular order.
   * @throws {ClosedError} After shutdown.
   * @throws {BrokenProcessPoolError|BrokenThreadPoolError} When a worker's death broke it.
   */
  broadcast<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Awaited<R>[]> {
    this.#mustBeUsable('broadcast');
    mustBeFunction('broadcast', fn);
    const calls = Array.from({ length: this.#engine.options.maxWorkers }, () => this.#call<Awaited<R>>(fn, args, NO_OPTIONS));
    const tasks = calls.flatMap(({ task }) => task ?? []);
    if (tasks.length > 0) this.#engine.broadcast(tasks);
    return Promise.all(calls.map(({ future }) => future.future));
  }

  /** What it does and did: tasks, workers, times. Costs little. */
  stats(): PoolStats {
    return this.#engine.stats();
  }

  async shutdown(options: { wait?: boolean; cancelFutures?: boolean } = {}): Promise<void> {
    this.#closed ??= 'shut down';
    this.#engine.stop({ cancelPending: options.cancelFutures ?? false });
    if (options.wait ?? true) await this.#engine.stopped();
  }

  /** SIGTERM to all workers: running tasks fail with `BrokenProcessPoolError` (of threads `BrokenThreadPoolError`), waiting ones are cancelled. */
  async terminateWorkers(): Promise<void> {
    this.#closed ??= 'terminated';
    this.#engine.terminate('terminate');
    await this.#engine.stopped();
  }

  /** As `terminateWorkers`, with SIGKILL. */
  async killWorkers(): Promise<void> {
    this.#closed ??= 'killed';
    this.#engine.terminate('kill');
    await this.#engine.stopped();
  }

  #submit<A extends unknown[], R>(fn: (...args: A) => R, args: readonly unknown[], options: TaskOptions): Future<Awaited<R>> {
    this.#mustBeUsable('submit');
    if (this.#limit.isFull)
      throw new QueueFullError(`Cannot submit: ${this.#limit.max} tasks are pending; wait for whenReady(), or raise maxPending`);
    mustBeFunction('submit', fn);
    const { future, task } = this.#call<Awaited<R>>(fn as (...args: never[]) => unknown, args, options);
    return task === undefined ? future.future : future.submit(task, options.signal);
  }

  /** A task and its future; no task, but a future that has failed, of what need not or cannot be sent. */
  #call<R>(
    fn: (...args: never[]) => unknown,
    args: readonly unknown[],
    options: TaskOptions,
  ): { future: TaskFuture<R>; task: Task | undefined } {
    const future = new TaskFuture<R>(this.#engine);
    const { signal, taskTimeout, priority, retries } = options;
    if (signal?.aborted === true) {
      future.fail(new CancelledError('The task was cancelled by its signal', { cause: signal.reason }));
      return { future, task: undefined };
    }
    try {
      const context = encodeContext(this.#traceparentOf(options));
      const { job, encoded } = this.#engine.jobs.forCall(fn, args, ENCODE_OPTIONS); // to be submitted before user code can run
      const flags = (job === undefined ? FLAG_INLINE : 0) | (taskTimeout === undefined ? 0 : FLAG_REPORT);
      const id = this.#engine.nextTaskId();
      return {
        future,
        task: new Task({ id, encoded, job, flags, sink: future, priority, timeout: taskTimeout, retries, context }),
      };
    } catch (error) {
      future.fail(error);
      return { future, task: undefined };
    }
  }

  #traceparentOf({ traceparent }: TaskOptions): string | undefined {
    if (traceparent !== undefined || this.#traceparent === undefined) return traceparent;
    const asked = this.#traceparent();
    checkTraceparent('Cannot submit', asked);
    return asked;
  }

  #map<R>(fn: (...args: never[]) => R, rest: readonly unknown[], options: TaskOptions): AsyncIterableIterator<Awaited<R>> {
    this.#mustBeUsable('map');
    mustBeFunction('map', fn);
    return mapOver<Awaited<R>>(
      {
        engine: this.#engine,
        ready: () => (this.#limit.isFull ? this.#limit.room() : undefined),
        check: () => this.#mustBeUsable('go on with map'),
      },
      fn,
      rest,
      { ...options, traceparent: this.#traceparentOf(options) },
    );
  }

  static {
    showAs(PoolExecutor, (executor) => {
      const { workers, pending, running } = executor.stats();
      const state = executor.#engine.state === 'broken' ? 'broken' : (executor.#closed ?? 'open');
      return { state, maxWorkers: executor.#engine.options.maxWorkers, workers, pending, running };
    });
  }

  #mustBeUsable(act: string): void {
    if (this.#engine.state === 'broken') {
      throw this.#kind.brokenError(`Cannot ${act}: a worker died, the executor is not usable any more`, this.#engine.cause);
    }
    if (this.#closed !== undefined) throw new ClosedError(`Cannot ${act}: the executor was ${this.#closed}`);
  }
}

function mustBeFunction(act: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`Cannot ${act}: the task must be a function, received ${String(fn)}`);
}
