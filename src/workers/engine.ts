/**
 * The one worker engine under executors and pools: starts workers, feeds them, watches them, replaces them.
 *
 * Runs in the parent. Never takes a lock that a worker could hold, and judges a worker's death only after all
 * it has sent was read.
 *
 * ```text
 * engine   running ──stop()──► stopping ──last worker gone──► stopped
 *             └──────── a death that counts, or terminate() ──► broken ──► stopped
 * worker   starting ► initializing ► idle ⇄ running ► ended
 * task     pending ► sent (taken back ► pending) ► settled
 * ```
 *
 * A worker has a few milliseconds of work at hand, not more; what it has not begun can be cancelled or given
 * to another one (claim words, `worker-frames.ts`). Its end, whenever it comes, leaves each of its tasks in one
 * of two states: begun (lost, or run again if it has retries left) or not begun (runs elsewhere).
 */
import { CancelledError, InvalidStateError, ProtocolError, TimeoutError, WorkerUnresponsiveError } from '../errors.js';
import type { AdoptedChild } from '../process/adopt-child.js';
import { processDied } from '../process/exit-status.js';
import { joinAsSender } from '../process/family.js';
import { now } from '../substrate/clock.js';
import { self } from '../substrate/self.js';
import { encodeCall } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { decodeFailure } from '../wire/remote-error.js';
import { IdleRetirement } from './idle-retirement.js';
import { type Job, Jobs } from './jobs.js';
import { RestartBudget } from './restart-budget.js';
import { START_MS, startWorker } from './start-worker.js';
import type { Task } from './task.js';
import { TaskQueue } from './task-queue.js';
import type { WorkerKind } from './worker-kind.js';
import type { Worker } from './worker.js';
import {
  BOOTED,
  INIT_FAILED,
  INITIALIZED,
  RETIRING,
  SEQUENCE_BYTES,
  TASK_DONE,
  TASK_FAILED,
  TASK_STARTED,
  WORKER_FAILED,
} from './worker-frames.js';

export interface EngineOptions {
  readonly maxWorkers: number;
  readonly initializer?: ((...args: never[]) => unknown) | undefined;
  readonly initArgs?: readonly unknown[] | undefined;
  readonly maxTasksPerChild?: number | undefined;
  /** Milliseconds without a task after which a worker ends. */
  readonly idleTimeout?: number | undefined;
  /** A worker whose resident memory is above so many MiB after a task ends. */
  readonly memoryLimitMb?: number | undefined;
  /** 'break': a death breaks everything; 'replace': it costs the task that ran. */
  readonly onWorkerDeath: 'break' | 'replace';
  /** Workers are named so, with a number. */
  readonly namePrefix: string;
  /** Workers start with the engine and are replaced when they end; else they start with tasks. */
  readonly startsAtOnce?: boolean | undefined;
  /** Called when there is one task less. */
  readonly onSettled?: (() => void) | undefined;
  /** The error of each task that a broken engine had. */
  /** What its workers are. */
  readonly kind: WorkerKind;
}

type State = 'running' | 'stopping' | 'broken' | 'stopped';

const SIGTERM = 15;
const SIGKILL = 9;
/** While workers answer in batches, or one is idle while another has tasks waiting, the engine looks by itself this often. */
const LOOK_MS = 2;
const TERM_GRACE_MS = 5000;
/** A timer of the event loop cannot be longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A message of some worker is being handled: nobody may read another one meanwhile. */
let receiving = false;

export class WorkerEngine {
  readonly options: EngineOptions;
  readonly jobs: Jobs = new Jobs();
  readonly #workers = new Set<Worker>();
  readonly #faces = new Map<Worker, AdoptedChild>();
  readonly #queue = new TaskQueue();
  readonly #initializer: Encoded;
  #state: State = 'running';
  #cause: unknown;
  /** Tasks pending or sent. */
  #active = 0;
  #tasksEver = 0;
  readonly #budget = new RestartBudget();
  readonly #idle: IdleRetirement | undefined;
  #touched = new Set<Worker>();
  #lookTimer: NodeJS.Timeout | undefined;
  #onStopped: (() => void)[] = [];

  /** @throws {SerializationError} If the initializer or its arguments cannot be sent. */
  constructor(options: EngineOptions) {
    joinAsSender();
    this.options = options;
    this.#initializer = encodeCall(options.initializer ?? null, options.initArgs ?? []);
    const { idleTimeout } = options;
    if (idleTimeout !== undefined) this.#idle = new IdleRetirement(idleTimeout, (worker) => this.#stopWorker(worker));
    this.#startAll();
  }

  get state(): State {
    return this.#state;
  }

  /** Why it broke. */
  get cause(): unknown {
    return this.#cause;
  }

  /** Tasks that are not settled. */
  get active(): number {
    return this.#active;
  }

  nextTaskId(): number {
    return ++this.#tasksEver;
  }

  /** Takes a task; exactly one call of its sink follows, in a later turn or in this one. */
  submit(task: Task): void {
    if (this.#state !== 'running') throw new InvalidStateError(`Cannot submit: the engine is ${this.#state}`);
    if (this.#active++ === 0) self().doorbell.hold();
    this.#queue.push(task);
    this.#feed();
  }

  /** Takes a task back that has not begun; its sink is told. */
  cancel(task: Task, error: unknown): boolean {
    if (task.state === 'sent' && task.worker?.takeBack(task) === true) {
      this.#settle(task, () => task.sink.fail(error));
      this.#feed();
      return true;
    }
    if (task.state !== 'pending') return false;
    this.#queue.discard();
    this.#settle(task, () => task.sink.fail(error));
    return true;
  }

  /** Ends a task whatever it is doing; if it has begun, with its worker. */
  abort(task: Task, error: unknown): void {
    if (receiving) {
      queueMicrotask(() => this.abort(task, error));
      return;
    }
    if (task.state === 'settled' || this.cancel(task, error)) return;
    // What the worker has not begun is taken from it first: from then on it cannot begin another task, and what it has
    // said so far tells whether the one to end is over. The kill meets that task or none.
    this.#putBack(task.worker?.takeBackLast(Number.POSITIVE_INFINITY) ?? []);
    self().doorbell.turn();
    const { worker } = task;
    if (worker === undefined)
      this.cancel(task, error); // over, or to be run again after a death
    else {
      this.#settle(task, () => task.sink.fail(error));
      worker.end(SIGKILL);
    }
    this.#feed();
  }

  hasBegun(task: Task): boolean {
    return task.state === 'sent' && task.worker?.hasBegun(task) === true;
  }

  /** Lets every worker forget a job. */
  forget(job: Job): void {
    for (const worker of this.#workers) worker.forget(job);
  }

  /** Takes no more tasks; ends the workers when all are done. */
  stop(options: { cancelPending: boolean }): void {
    if (this.#state === 'running') this.#state = 'stopping';
    if (options.cancelPending) this.#cancelPending();
    this.#stopIfDrained();
  }

  /** Resolves when the last worker is gone. */
  stopped(): Promise<void> {
    if (this.#workers.size === 0 && (this.#state === 'stopped' || this.#state === 'broken')) return Promise.resolve();
    const { doorbell } = self();
    doorbell.hold();
    return new Promise((resolve) => {
      this.#onStopped.push(() => {
        doorbell.release();
        resolve();
      });
    });
  }

  /** Ends all workers now: running tasks fail, with `runningError` if that is given, waiting ones are cancelled. */
  terminate(how: 'terminate' | 'kill', runningError?: () => Error): void {
    if (this.#state === 'running' || this.#state === 'stopping') this.#state = 'stopping';
    this.#cancelPending();
    const died = new CancelledError(how === 'kill' ? 'The workers were killed' : 'The workers were terminated');
    for (const worker of this.#workers) {
      const { begun, waiting } = worker.takeAll();
      for (const task of waiting)
        this.#settle(task, () =>
          task.sink.fail(new CancelledError('The task was cancelled: its executor was ended before it began')),
        );
      for (const task of begun)
        this.#settle(task, () =>
          task.sink.fail(
            runningError?.() ??
              this.options.kind.brokenError('A worker was ended by terminateWorkers() or killWorkers() while the task ran', died),
          ),
        );
      worker.end(how === 'kill' ? SIGKILL : SIGTERM);
      if (how === 'terminate') setTimeout(() => worker.end(SIGKILL), TERM_GRACE_MS).unref();
    }
    this.#stopIfDrained();
  }

  #cancelPending(): void {
    const cancelled = () => new CancelledError('The task was cancelled: its executor was shut down before it began');
    for (const worker of this.#workers) {
      for (const task of worker.takeBackLast(Number.POSITIVE_INFINITY)) this.#settle(task, () => task.sink.fail(cancelled()));
    }
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      const each = task;
      this.#settle(each, () => each.sink.fail(cancelled()));
    }
  }

  // ---- feeding ----

  #feed(): void {
    if (this.#state === 'broken' || this.#state === 'stopped') return;
    while (this.#queue.size > 0) {
      const worker = this.#leastLoaded();
      if ((worker === undefined || worker.inFlight > 0) && this.#startOne()) continue;
      if (worker === undefined) break;
      const task = this.#queue.peek();
      if (task === undefined || (worker.inFlight > 0 && worker.mustLoad(task))) break;
      this.#queue.shift();
      worker.give(task);
    }
    if (this.#queue.size === 0) this.#share();
    this.#lookAgain();
  }

  /** Takes back what waits behind a task that takes much longer than those before it. */
  #relieveLate(): void {
    const time = now();
    for (const worker of this.#workers) {
      if (worker.inFlight > 1 && worker.isLate(time)) this.#putBack(worker.takeBackLast(Number.POSITIVE_INFINITY));
    }
  }

  /** Tasks that a worker had and has not begun, or begins anew, are the next ones. */
  #putBack(tasks: readonly Task[]): void {
    for (const task of tasks) {
      task.state = 'pending';
      clearTimeout(task.timer);
    }
    this.#queue.putBack(tasks);
  }

  /** The worker with room that has least to do. */
  #leastLoaded(): Worker | undefined {
    let best: Worker | undefined;
    for (const worker of this.#workers) {
      if (worker.room > 0 && (best === undefined || worker.inFlight < best.inFlight)) best = worker;
    }
    return best;
  }

  /** Gives idle workers what others have at hand and would begin only later. */
  #share(): void {
    let time: number | undefined;
    for (const idle of this.#workers) {
      if (!idle.ready || idle.inFlight > 0 || idle.room === 0) continue;
      time ??= now();
      let richest: Worker | undefined;
      for (const other of this.#workers) {
        if (other.inFlight > (richest?.inFlight ?? 0) && other.worthRelieving(time)) richest = other;
      }
      if (richest === undefined) return;
      this.#putBack(richest.takeBackLast(Math.max(1, Math.min(richest.inFlight >> 1, idle.room))));
      for (
        let task = this.#queue.peek();
        task !== undefined && (idle.inFlight === 0 || !idle.mustLoad(task));
        task = this.#queue.peek()
      ) {
        this.#queue.shift();
        idle.give(task);
      }
    }
  }

  /** Starts all workers that there may be, where they do not wait for tasks. */
  #startAll(): void {
    if (this.options.startsAtOnce !== true) return;
    while (this.#state === 'running' && this.#startOne());
  }

  /** Starts a worker if there may be one more. True: one was started. */
  #startOne(): boolean {
    let living = 0;
    for (const worker of this.#workers) if (!worker.closed) living++;
    if (living >= this.options.maxWorkers || this.#workers.size >= this.options.maxWorkers * 2) return false;
    try {
      this.#workers.add(this.#startWorker());
      return true;
    } catch (error) {
      if (living > 0) return false; // fewer workers than wanted are better than none
      this.#break('A worker could not be started', error);
      return false;
    }
  }

  #startWorker(): Worker {
    const { worker, face } = startWorker({
      kind: this.options.kind,
      namePrefix: this.options.namePrefix,
      maxTasks: this.options.maxTasksPerChild ?? Number.POSITIVE_INFINITY,
      memoryLimitMb: this.options.memoryLimitMb,
      initializer: this.#initializer,
      onMessage: (from, ...message) => this.#received(from, ...message),
      onExit: (from) => this.#ended(from),
      onLate: (from) => this.#startsTooLong(from),
    });
    this.#faces.set(worker, face);
    return worker;
  }

  // ---- answers ----

  #received(worker: Worker, kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    const outer = receiving;
    receiving = true;
    try {
      this.#handle(worker, kind, buffer, start, end, owned);
    } finally {
      receiving = outer;
    }
    if (this.#touched.size === 0) queueMicrotask(this.#afterAnswers);
    this.#touched.add(worker);
  }

  #handle(worker: Worker, kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    if (kind === TASK_DONE || kind === TASK_FAILED) this.#answered(worker, kind, buffer, start, end, owned);
    else if (kind === TASK_STARTED) this.#started(worker, readU32(buffer, start));
    else if (kind === BOOTED) worker.becomeBooted();
    else if (kind === INITIALIZED) worker.becomeReady();
    else if (kind === RETIRING) {
      worker.closed = true;
      worker.expectedToEnd = true;
    } else if (kind === INIT_FAILED) {
      worker.expectedToEnd = true;
      worker.closed = true;
      this.#break('The initializer of a worker failed', decodeFailureSafely(buffer, start, end));
    } else if (kind === WORKER_FAILED) {
      worker.expectedToEnd = true;
      worker.closed = true;
      this.#countDeath(decodeFailureSafely(buffer, start, end));
    } else throw new ProtocolError(`${worker.name} sent a frame of unknown kind ${kind}`);
  }

  #answered(worker: Worker, kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    const sequence = readU32(buffer, start);
    if (worker.holding(sequence) === undefined && (this.#state === 'broken' || worker.expectedToEnd)) return; // it was taken from it
    const task = worker.answered(sequence);
    const from = start + SEQUENCE_BYTES;
    this.#settle(task, () =>
      kind === TASK_DONE ? task.sink.succeed(buffer, from, end, owned) : task.sink.failEncoded(buffer, from, end),
    );
  }

  #started(worker: Worker, sequence: number): void {
    const task = worker.holding(sequence);
    if (task?.timeout === undefined) return;
    const { timeout } = task;
    if (timeout > LONGEST_TIMER_MS) return;
    task.timer = setTimeout(
      () => this.abort(task, new TimeoutError(`The task ran longer than ${timeout} ms; its worker was killed`)),
      timeout,
    );
  }

  readonly #afterAnswers = (): void => {
    for (const worker of this.#touched) {
      worker.measure();
      if (worker.exhausted) this.#stopWorker(worker);
      else this.#idle?.answered(worker);
    }
    this.#touched.clear();
    this.#relieveLate();
    this.#feed();
    this.#stopIfDrained();
  };

  #settle(task: Task, tell: () => void): void {
    if (task.state === 'settled') return;
    task.state = 'settled';
    clearTimeout(task.timer);
    if (--this.#active === 0) {
      self().doorbell.release();
      if (this.#state === 'stopping') queueMicrotask(() => this.#stopIfDrained());
    }
    task.release?.();
    tell();
    this.options.onSettled?.();
  }

  /**
   * Looks by itself where nobody would ring: while workers answer in batches one may have begun a long task after a
   * short one; and while a worker is idle the tasks that wait in another one may turn out to wait for long.
   */
  #lookAgain(): void {
    if (this.#lookTimer !== undefined || !(this.#anyQuiet() || this.#anyIdleBesideWaiting())) return;
    const settledAt = this.#active;
    this.#lookTimer = setTimeout(() => {
      this.#lookTimer = undefined;
      const before = this.#active;
      self().doorbell.turn();
      if (this.#active === before && settledAt === before) {
        for (const worker of this.#workers) if (worker.quiet) worker.wakeUp();
        self().doorbell.turn(); // what came before they saw the word
      }
      this.#feed();
    }, LOOK_MS);
  }

  #anyQuiet(): boolean {
    for (const worker of this.#workers) if (worker.quiet && worker.inFlight > 0) return true;
    return false;
  }

  #anyIdleBesideWaiting(): boolean {
    let idle = false;
    let waiting = false;
    for (const worker of this.#workers) {
      idle = idle || (worker.ready && worker.inFlight === 0 && worker.room > 0);
      waiting = waiting || (worker.inFlight > 0 && worker.waiting);
      if (idle && waiting) return true;
    }
    return false;
  }

  // ---- ends ----

  #ended(worker: Worker): void {
    clearTimeout(worker.startLimit);
    this.#workers.delete(worker);
    this.#faces.get(worker)?.ended();
    this.#faces.delete(worker);
    this.#touched.delete(worker);
    this.#idle?.ended(worker);
    const phase = worker.phase;
    const { begun, waiting } = worker.takeAll();
    this.#putBack(waiting);
    const { exitCode, pid, garbage } = worker.child;
    const unexpected = begun.length > 0 || !worker.expectedToEnd;
    if (unexpected && this.#state !== 'broken') {
      const death = () => {
        if (garbage !== undefined)
          return new ProtocolError(`${worker.name} (pid ${pid}) wrote garbage to its private channel and was killed`, {
            cause: garbage,
          });
        if (worker.unresponsive)
          return new WorkerUnresponsiveError(
            `${worker.name} (pid ${pid}) did not start within ${START_MS / 1000} s and was killed`,
          );
        return processDied(worker.name, { pid, exitCode, phase, taskId: begun[0]?.id, killedByUs: worker.expectedToEnd });
      };
      if (this.options.onWorkerDeath === 'break') this.#breakWith(begun, death());
      else this.#replace(begun, death);
    }
    this.#startAll();
    if (this.#state === 'running' || this.#state === 'stopping') this.#feed();
    this.#stopIfDrained();
  }

  #startsTooLong(worker: Worker): void {
    self().doorbell.turn(); // this process may have been busy itself
    if (worker.booted) return;
    worker.unresponsive = true;
    worker.child.signal(SIGKILL);
  }

  /** One that does not obey, because it is stopped or its event loop does not turn, is killed. */
  #stopWorker(worker: Worker): void {
    worker.stop();
    this.#endAfterGrace(worker);
  }

  /** An initializer may take its time: it runs in each worker, also in one that is told to stop at once. */
  #endAfterGrace(worker: Worker): void {
    const end = () => {
      if (worker.phase === 'initializing' && this.#workers.has(worker)) this.#endAfterGrace(worker);
      else worker.end(SIGKILL);
    };
    setTimeout(end, TERM_GRACE_MS).unref();
  }

  #breakWith(begun: readonly Task[], death: Error): void {
    this.#putBack(begun);
    this.#break('A worker process died', death);
  }

  /** A death costs what ran; the rest runs elsewhere. */
  #replace(begun: readonly Task[], death: () => Error): void {
    for (const task of begun) {
      if (task.retries > 0) {
        task.retries--;
        this.#putBack([task]);
      } else {
        this.#settle(task, () => task.sink.fail(death()));
      }
    }
    if (begun.length === 0) this.#countDeath(death());
  }

  /** Deaths that belong to no task, too many in a short time, break it. */
  #countDeath(cause: unknown): void {
    const tooMany = this.#budget.spend(cause);
    if (tooMany !== undefined) this.#break(tooMany.why, tooMany.cause);
  }

  #break(why: string, cause: unknown): void {
    if (this.#state === 'broken' || this.#state === 'stopped') return;
    this.#state = 'broken';
    this.#cause = cause;
    const error = () =>
      this.options.kind.brokenError(`${why} while the task was running or pending; the executor is not usable any more`, cause);
    for (const worker of this.#workers) {
      const { begun, waiting } = worker.takeAll();
      for (const task of [...begun, ...waiting]) this.#settle(task, () => task.sink.fail(error()));
      worker.end(SIGKILL);
    }
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      const each = task;
      this.#settle(each, () => each.sink.fail(error()));
    }
    this.#stopIfDrained();
  }

  #stopIfDrained(): void {
    if (this.#state === 'running' || this.#active > 0) return;
    for (const worker of this.#workers) if (!worker.expectedToEnd && worker.inFlight === 0) this.#stopWorker(worker);
    if (this.#workers.size > 0) return;
    if (this.#state === 'stopping') this.#state = 'stopped';
    clearTimeout(this.#lookTimer);
    this.#lookTimer = undefined;
    for (const callback of this.#onStopped.splice(0)) callback();
  }
}

function decodeFailureSafely(buffer: Uint8Array, start: number, end: number): unknown {
  try {
    return decodeFailure(buffer, start, end);
  } catch (error) {
    return error;
  }
}

function readU32(buffer: Uint8Array, at: number): number {
  return (
    ((buffer[at] as number) |
      ((buffer[at + 1] as number) << 8) |
      ((buffer[at + 2] as number) << 16) |
      ((buffer[at + 3] as number) << 24)) >>>
    0
  );
}
