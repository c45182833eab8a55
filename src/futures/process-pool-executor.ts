/**
 * `ProcessPoolExecutor`: runs ordinary functions in worker processes.
 *
 * Runs in the process that submits. A face of the worker engine: checks arguments, makes futures.
 */
import { CancelledError, ClosedError, QueueFullError } from '../errors.js';
import { cpuCount } from '../process/cpu-count.js';
import type { ContextOption } from '../process/start-method.js';
import { WorkerEngine } from '../workers/engine.js';
import { processWorkers, type WorkerKind } from '../workers/worker-kind.js';
import { Task } from '../workers/task.js';
import { FLAG_INLINE, FLAG_REPORT, TASK_HEADER_BYTES } from '../workers/worker-frames.js';
import { checkCount, checkDuration, checkTaskOptions } from '../workers/check-options.js';
import { Executor, type Iterables, type MapOptions, type TaskOptions } from './executor.js';
import type { Future } from './future.js';
import { mapOver } from '../workers/map.js';
import { TaskFuture } from './task-sink.js';

export interface ProcessPoolExecutorOptions {
  /** Default: the number of usable CPUs. */
  readonly maxWorkers?: number | undefined;
  /** How its workers start. Default: as this program has chosen (`setStartMethod`), else 'spawn'. */
  readonly context?: ContextOption | undefined;
  /** Runs exactly once in each worker, before its first task. */
  readonly initializer?: ((...args: never[]) => unknown) | undefined;
  readonly initArgs?: readonly unknown[] | undefined;
  /** A worker ends after so many tasks and is replaced. Default: never. */
  readonly maxTasksPerChild?: number | undefined;
  /** Milliseconds without a task after which a worker ends. Default: never. */
  readonly idleTimeout?: number | undefined;
  /** A worker whose memory (of a process all that is resident, of a thread its heap) is above so many MiB after a task ends and is replaced. Default: no limit. */
  readonly memoryLimitMb?: number | undefined;
  /** 'break' (default, as Python): every unfinished future fails; 'replace': only the task that ran. */
  readonly onWorkerDeath?: 'break' | 'replace' | undefined;
  /** `submit` above so many unfinished tasks throws `QueueFullError`, `map` waits. Default: no limit. */
  readonly maxPending?: number | undefined;
}

const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES };
const NO_OPTIONS: TaskOptions = {};

/** What executors over workers of any kind have in common. */
export abstract class PoolExecutor extends Executor {
  readonly #engine: WorkerEngine;
  readonly #kind: WorkerKind;
  readonly #maxPending: number;
  #closed: string | undefined;
  #whenReady: (() => void)[] = [];
  #waking = false;

  /** @throws {TypeError|RangeError} If an option has the wrong type or range. */
  constructor(options: ProcessPoolExecutorOptions, kind: WorkerKind) {
    super();
    checkOptions(`Cannot create a ${new.target.name}`, options);
    this.#kind = kind;
    this.#maxPending = options.maxPending ?? Number.POSITIVE_INFINITY;
    this.#engine = new WorkerEngine({
      maxWorkers: options.maxWorkers ?? cpuCount(),
      initializer: options.initializer,
      initArgs: options.initArgs,
      maxTasksPerChild: options.maxTasksPerChild,
      idleTimeout: options.idleTimeout,
      memoryLimitMb: options.memoryLimitMb,
      onWorkerDeath: options.onWorkerDeath ?? 'break',
      namePrefix: 'PoolWorker',
      onSettled: options.maxPending === undefined ? undefined : this.#onSettled,
      kind,
    });
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
    if (this.#engine.active < this.#maxPending) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
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
    if (this.#engine.active >= this.#maxPending)
      throw new QueueFullError(`Cannot submit: ${this.#maxPending} tasks are pending; wait for whenReady(), or raise maxPending`);
    if (typeof fn !== 'function') throw new TypeError(`Cannot submit: the task must be a function, received ${String(fn)}`);
    const future = new TaskFuture<Awaited<R>>(this.#engine);
    const { signal } = options;
    if (signal?.aborted === true) {
      future.fail(new CancelledError('The task was cancelled by its signal', { cause: signal.reason }));
      return future.future;
    }
    let task: Task;
    try {
      const { job, encoded } = this.#engine.jobs.forCall(fn, args, ENCODE_OPTIONS);
      task = new Task({
        id: this.#engine.nextTaskId(),
        encoded,
        job,
        flags: (job === undefined ? FLAG_INLINE : 0) | (options.taskTimeout === undefined ? 0 : FLAG_REPORT),
        sink: future,
        priority: options.priority,
        timeout: options.taskTimeout,
        retries: options.retries,
      });
    } catch (error) {
      future.fail(error); // what cannot be sent fails its own future
      return future.future;
    }
    return future.submit(task, signal);
  }

  #map<R>(fn: (...args: never[]) => R, rest: readonly unknown[], options: TaskOptions): AsyncIterableIterator<Awaited<R>> {
    this.#mustBeUsable('map');
    if (typeof fn !== 'function') throw new TypeError(`Cannot map: the task must be a function, received ${String(fn)}`);
    return mapOver<Awaited<R>>(
      {
        engine: this.#engine,
        ready: () => (this.#engine.active < this.#maxPending ? undefined : this.whenReady()),
        check: () => this.#mustBeUsable('go on with map'),
      },
      fn,
      rest,
      options,
    );
  }

  readonly #onSettled = (): void => {
    if (this.#whenReady.length === 0 || this.#waking) return;
    this.#waking = true;
    setImmediate(this.#wake);
  };

  /** Lets as many go on as there is room for; the others as soon as those have used it or not. */
  readonly #wake = (): void => {
    this.#waking = false;
    const room = this.#maxPending - this.#engine.active;
    if (room <= 0) return;
    for (const ready of this.#whenReady.splice(0, room)) ready();
    this.#onSettled();
  };

  #mustBeUsable(act: string): void {
    if (this.#engine.state === 'broken') {
      throw this.#kind.brokenError(`Cannot ${act}: a worker died, the executor is not usable any more`, this.#engine.cause);
    }
    if (this.#closed !== undefined) throw new ClosedError(`Cannot ${act}: the executor was ${this.#closed}`);
  }
}

/**
 * Runs functions in worker processes, which start with the first tasks.
 *
 * - Every future settles, whatever dies.
 * - What cannot be sent fails its own task only.
 * - An idle executor does not keep the program alive; pending tasks do.
 *
 * @example
 * const executor = new ProcessPoolExecutor();
 * console.log(await executor.submit((x: number) => x ** 2, 12)); // 144
 * await executor.shutdown();
 *
 * @python `concurrent.futures.ProcessPoolExecutor`
 */
export class ProcessPoolExecutor extends PoolExecutor {
  /** @throws {TypeError|RangeError} If an option has the wrong type or range. */
  constructor(options: ProcessPoolExecutorOptions = {}) {
    super(options, processWorkers('create a ProcessPoolExecutor', options.context));
  }
}

function checkOptions(create: string, options: ProcessPoolExecutorOptions): void {
  const { maxWorkers, initializer, initArgs, maxTasksPerChild, onWorkerDeath, maxPending } = options;
  checkCount(create, 'maxWorkers', maxWorkers);
  checkCount(create, 'maxTasksPerChild', maxTasksPerChild);
  checkCount(create, 'maxPending', maxPending);
  checkCount(create, 'memoryLimitMb', options.memoryLimitMb);
  checkDuration(create, 'idleTimeout', options.idleTimeout);
  if (initializer !== undefined && typeof initializer !== 'function')
    throw new TypeError(`${create}: initializer must be a function, received ${String(initializer)}`);
  if (initArgs !== undefined && !Array.isArray(initArgs))
    throw new TypeError(`${create}: initArgs must be an array, received ${String(initArgs)}`);
  if (onWorkerDeath !== undefined && onWorkerDeath !== 'break' && onWorkerDeath !== 'replace') {
    throw new RangeError(`${create}: onWorkerDeath must be 'break' or 'replace', received ${String(onWorkerDeath)}`);
  }
}
