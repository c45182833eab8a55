/**
 * `Pool`: worker processes that start at once and run functions, with Python's methods.
 *
 * Runs in the process that has the pool. A face of the worker engine.
 *
 * ```text
 * open ──close()──► closed ──all done──► ended
 *   └──────────── terminate() ─────────────┘
 * ```
 *
 * The engine takes tasks until what was begun before `close()` is submitted: maps and iterations submit their chunks
 * one after the other.
 */
import { CancelledError, ClosedError, InvalidStateError } from '../errors.js';
import { cpuCount } from '../process/cpu-count.js';
import { limitWait, type Wait } from '../substrate/wait-limit.js';
import { showAs } from '../sharing/inspection.js';
import { checkCount, checkMapOptions, checkWorkerCount } from '../workers/check-options.js';
import { WorkerEngine } from '../workers/engine.js';
import { stopWithOwner } from '../workers/forgotten.js';
import { processWorkers, type WorkerKind } from '../workers/worker-kind.js';
import { iterateMap } from '../workers/map.js';
import type { AnyIterable, MapOptions } from '../workers/task-options.js';
import { type AsyncCallbacks, AsyncResult, type Settlement } from './async-result.js';
import { Feeding } from './feeding.js';
import { collect, spreadable } from './pool-items.js';
import { callInPool } from './pool-call.js';
import { PoolMap } from './pool-map.js';
import { checkFunction, checkPoolOptions, type PoolOptions } from './pool-options.js';

type Fn<A extends readonly unknown[], R> = (...args: A) => R;
type MapAsyncOptions<R> = MapOptions & AsyncCallbacks<R>;

/**
 * Worker processes, all started at once, and replaced when they end.
 *
 * - Every result settles, whatever dies; a worker's death costs the task that ran in it (`onWorkerDeath: 'replace'`).
 * - `map` rejects at the first error and cancels what has not begun; `imap` goes on with the next item.
 * - An idle pool does not keep the program alive; pending calls do.
 * - `await using` terminates it, as Python's `with`.
 *
 * @example
 * const pool = new Pool(4);
 * console.log(await pool.map((x: number) => x ** 2, [1, 2, 3])); // [1, 4, 9]
 * await pool.terminate();
 *
 * @python `multiprocessing.Pool`; results are promises.
 */
export class Pool implements AsyncDisposable {
  /** What its workers are. */
  protected static workersOf({ context }: PoolOptions): WorkerKind {
    return processWorkers('create a Pool', context);
  }

  readonly #engine: WorkerEngine;
  #closed: 'closed' | 'terminated' | undefined;
  readonly #feeding = new Feeding(() => {
    if (this.#closed !== undefined) this.#stopWhenFed();
  });

  /** @param options The number of workers (default: the usable CPUs), or all options. @throws {TypeError|RangeError} If one is wrong. */
  constructor(options: number | PoolOptions = {}) {
    const checked = checkPoolOptions(options);
    checkWorkerCount('Cannot create a Pool', 'processes', checked.processes);
    checkCount('Cannot create a Pool', 'maxTasksPerChild', checked.maxTasksPerChild);
    this.#engine = new WorkerEngine({
      maxWorkers: checked.processes ?? cpuCount(),
      initializer: checked.initializer,
      initArgs: checked.initArgs,
      maxTasksPerChild: checked.maxTasksPerChild,
      onWorkerDeath: checked.onWorkerDeath ?? 'replace',
      namePrefix: 'PoolWorker',
      startsAtOnce: true,
      kind: new.target.workersOf(checked),
    });
    stopWithOwner(this, this.#engine, 'A Pool was not closed: its workers end because nobody keeps it any more');
  }

  /** Calls `fn(...args)` in a worker. Of the options it takes `timeout`, `taskTimeout` and `signal`. */
  apply<A extends readonly unknown[], R>(fn: Fn<A, R>, args?: A, options?: MapOptions): Promise<Awaited<R>> {
    return promised(() => this.#apply<Awaited<R>>(fn, args ?? [], options ?? {}, {}));
  }

  /** As `apply`, with a result to ask and callbacks. @throws {ClosedError} After `close()` or `terminate()`. */
  applyAsync<A extends readonly unknown[], R>(
    fn: Fn<A, R>,
    args?: A,
    callbacks: AsyncCallbacks<Awaited<R>> = {},
  ): AsyncResult<Awaited<R>> {
    return this.#apply<Awaited<R>>(fn, args ?? [], {}, callbacks);
  }

  /** Calls `fn` for each item; the results in input order. Rejects at the first error. */
  map<T, R>(fn: (item: T) => R, items: AnyIterable<T>, options?: MapOptions): Promise<Awaited<R>[]> {
    return promised(() => this.#map<Awaited<R>>(fn, items, false, options ?? {}));
  }

  /** As `map`, with a result to ask and callbacks. */
  mapAsync<T, R>(fn: (item: T) => R, items: AnyIterable<T>, options?: MapAsyncOptions<Awaited<R>[]>): AsyncResult<Awaited<R>[]> {
    return this.#map<Awaited<R>>(fn, items, false, options ?? {});
  }

  /** As `map`, of functions of several arguments: each item is the list of them. */
  starmap<A extends readonly unknown[], R>(fn: Fn<A, R>, items: AnyIterable<A>, options?: MapOptions): Promise<Awaited<R>[]> {
    return promised(() => this.#map<Awaited<R>>(fn, items, true, options ?? {}));
  }

  /** As `starmap`, with a result to ask and callbacks. */
  starmapAsync<A extends readonly unknown[], R>(
    fn: Fn<A, R>,
    items: AnyIterable<A>,
    options?: MapAsyncOptions<Awaited<R>[]>,
  ): AsyncResult<Awaited<R>[]> {
    return this.#map<Awaited<R>>(fn, items, true, options ?? {});
  }

  /**
   * The results one by one, in input order, while the items are still being read.
   *
   * An item's error rejects its `next()` only. At most `bufferSize` chunks are submitted and not yet consumed.
   */
  imap<T, R>(fn: (item: T) => R, items: AnyIterable<T>, options?: MapOptions): AsyncIterableIterator<Awaited<R>> {
    return this.#iterate<Awaited<R>>(fn, items, options ?? {}, false);
  }

  /** As `imap`, each chunk as soon as it is there. */
  imapUnordered<T, R>(fn: (item: T) => R, items: AnyIterable<T>, options?: MapOptions): AsyncIterableIterator<Awaited<R>> {
    return this.#iterate<Awaited<R>>(fn, items, options ?? {}, true);
  }

  /** Takes no more calls; the workers end when all is done, iterations included. */
  close(): void {
    this.#closed ??= 'closed';
    this.#stopWhenFed();
  }

  /** Ends the workers now: outstanding results reject with `CancelledError`. Resolves when the workers are gone. */
  terminate(): Promise<void> {
    this.#closed = 'terminated';
    this.#engine.terminate('terminate', () => new CancelledError('The call was cancelled: its pool was terminated'));
    return this.#engine.stopped();
  }

  /**
   * Resolves when all is done and all workers are gone.
   *
   * - Waits for the tasks, not for those who read their results: from now on iterations read their items to the end, and keep
   *   what nobody has read.
   *
   * @throws {InvalidStateError} Before `close()` or `terminate()`.
   * @throws {TimeoutError} If they are not in time.
   */
  async join(wait?: Wait): Promise<void> {
    if (this.#closed === undefined)
      throw new InvalidStateError('Cannot join the pool: it is still open, call close() or terminate() first');
    this.#feeding.readAll();
    await limitWait(this.#stopped(), wait, 'join the pool: its workers are not done');
  }

  /** Terminates. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.terminate();
  }

  /** The engine counts as stopped only when it was told to stop, which may come later than `close()`. */
  async #stopped(): Promise<void> {
    while (!this.#feeding.isOver && this.#closed !== 'terminated' && this.#engine.state === 'running')
      await this.#feeding.change();
    await this.#engine.stopped();
  }

  #apply<R>(fn: object, args: readonly unknown[], options: MapOptions, callbacks: AsyncCallbacks<R>): AsyncResult<R> {
    this.#mustBeUsable('apply');
    checkFunction('apply', fn);
    checkMapOptions('Cannot apply', options);
    const list = spreadable('Cannot apply: args', args);
    return new AsyncResult<R>((settlement) => callInPool(this.#engine, fn, list, options, settlement), callbacks);
  }

  #map<R>(fn: unknown, items: AnyIterable<unknown>, spread: boolean, options: MapAsyncOptions<R[]>): AsyncResult<R[]> {
    const act = spread ? 'starmap' : 'map';
    this.#mustBeUsable(act);
    checkFunction(act, fn);
    checkMapOptions(`Cannot ${act}`, options);
    const { fed } = this.#feeding.enter();
    const context = { engine: this.#engine, fed, ended: () => this.#closed === 'terminated' };
    const start = (settlement: Settlement<R[]>, all: readonly unknown[]) => {
      this.#mustGoOn();
      const each = spread ? all.map((item, index) => spreadable(`Cannot starmap: item ${index}`, item)) : all;
      new PoolMap<R>(context, fn, each, spread, options, settlement).start();
    };
    return new AsyncResult<R[]>((settlement) => {
      const fail = (error: unknown) => {
        context.fed();
        settlement.reject(error);
      };
      try {
        const all = collect(`Cannot ${act}`, items);
        if (all instanceof Promise) all.then((each) => start(settlement, each)).catch(fail);
        else start(settlement, all);
      } catch (error) {
        fail(error);
      }
    }, options);
  }

  #iterate<R>(fn: unknown, items: AnyIterable<unknown>, options: MapOptions, unordered: boolean): AsyncIterableIterator<R> {
    this.#mustBeUsable('imap');
    checkFunction('imap', fn);
    const { fed, onJoin } = this.#feeding.enter();
    try {
      return iterateMap<R>(
        { engine: this.#engine, ready: () => undefined, check: () => this.#mustGoOn(), fed, onJoin },
        fn as (...args: never[]) => unknown,
        items,
        options,
        unordered,
      );
    } catch (error) {
      fed();
      throw error;
    }
  }

  static {
    showAs(Pool, (pool) => ({
      state: pool.#engine.state === 'broken' ? 'broken' : (pool.#closed ?? 'open'),
      processes: pool.#engine.options.maxWorkers,
    }));
  }

  #stopWhenFed(): void {
    if (!this.#feeding.isOver) return;
    this.#engine.stop({ cancelPending: false });
    this.#feeding.wake();
  }

  /** @throws What a map that goes on meets. */
  #mustGoOn(): void {
    if (this.#closed === 'terminated') throw new CancelledError('The call was cancelled: its pool was terminated');
    this.#mustNotBeBroken('go on');
  }

  #mustBeUsable(act: string): void {
    this.#mustNotBeBroken(act);
    if (this.#closed !== undefined) throw new ClosedError(`Cannot ${act}: the pool was ${this.#closed}`);
  }

  #mustNotBeBroken(act: string): void {
    if (this.#engine.state !== 'broken') return;
    const { kind } = this.#engine.options;
    throw kind.brokenError(`Cannot ${act}: its workers died, the pool is not usable any more`, this.#engine.cause);
  }
}

/** The promise of a result; what the call throws rejects it. */
function promised<R>(call: () => AsyncResult<R>): Promise<R> {
  try {
    return call().get();
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
