/**
 * The one worker engine under executors and pools: takes tasks, hears the answers, bears the deaths, comes to an end.
 *
 * Runs in the parent. Never takes a lock that a worker could hold, and judges a worker's death only after all
 * it has sent was read. Its states are those of `engine-state.ts`; besides:
 *
 * ```text
 * worker   starting ► initializing ► idle ⇄ running ► ended            (`crew.ts`)
 * task     pending ► sent (taken back ► pending) ► settled              (`feeder.ts`)
 * ```
 *
 * The end of a worker, whenever it comes, leaves each of its tasks in one of two states: begun (lost, or run again if
 * it has retries left) or not begun (runs elsewhere).
 */
import { CancelledError, InvalidStateError } from '../errors.js';
import { joinAsSender } from '../process/family.js';
import { loadsForParent } from '../process/identity.js';
import { self } from '../substrate/self.js';
import { encodeCall } from '../wire/codec.js';
import { Answers } from './answers.js';
import { Broadcast } from './broadcast.js';
import { Cancellation } from './cancellation.js';
import { Crew, TERM_GRACE_MS } from './crew.js';
import { Deaths } from './deaths.js';
import { isEnding, watchEnding } from './ending.js';
import type { EngineOptions } from './engine-options.js';
import { type EngineState, EngineStates } from './engine-state.js';
import { errorSeries } from './error-series.js';
import { Feeder } from './feeder.js';
import { Heartbeat } from './heartbeat.js';
import { IdleRetirement } from './idle-retirement.js';
import { type Job, Jobs } from './jobs.js';
import { LargeMessages } from './large-message.js';
import { Ledger } from './ledger.js';
import { Lookout } from './lookout.js';
import type { PoolStats } from './statistics.js';
import type { Task } from './task.js';
import { settleBytes } from './task-message.js';
import type { Worker } from './worker.js';

const SIGTERM = 15;
const SIGKILL = 9;

export class WorkerEngine {
  readonly options: EngineOptions;
  readonly jobs: Jobs = new Jobs();
  readonly #states = new EngineStates();
  readonly #crew: Crew;
  readonly #feeder: Feeder;
  readonly #lookout: Lookout;
  readonly #idle: IdleRetirement | undefined;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #ledger: Ledger;
  readonly #answers: Answers;
  readonly #deaths: Deaths;
  readonly #cancellation: Cancellation;
  readonly #large = new LargeMessages();
  #cause: unknown;
  #onStopped: (() => void)[] = [];

  /** @throws {SerializationError} If the initializer or its arguments cannot be sent. */
  constructor(asked: EngineOptions) {
    joinAsSender();
    watchEnding();
    // A module that workers load may have a pool of its own: its workers start when it is used.
    const options = loadsForParent() ? { ...asked, startsAtOnce: false } : asked;
    this.options = options;
    this.#ledger = new Ledger(() => this.#settled());
    this.#answers = new Answers(this.#ledger, {
      onStarted: (task) => this.#cancellation.limit(task),
      onInitializerFailed: (error) => this.#break('The initializer of a worker failed', error),
      onWorkerFailed: (error) => this.#deaths.count(error),
      onTurn: (workers) => this.#answered(workers),
    });
    this.#crew = new Crew(options, encodeCall(options.initializer ?? null, options.initArgs ?? []), {
      onMessage: (...message) => this.#answers.received(...message),
      onExit: (from) => this.#ended(from),
      onRefused: (error) => this.#break('A worker could not be started', error),
      onPrepared: () => {
        if (options.startsAtOnce === true && this.#states.isAtWork) this.#crew.startAll();
        this.#feed();
        this.#stopIfDrained();
      },
    });
    this.#feeder = new Feeder(this.#crew);
    this.#deaths = new Deaths(
      options,
      this.#ledger,
      this.#feeder,
      (why, cause) => this.#break(why, cause),
      (ms) => this.#crew.pause(ms),
    );
    this.#cancellation = new Cancellation(this.#ledger, this.#feeder, () => this.#feed());
    const active = () => this.#ledger.open;
    this.#lookout = new Lookout(this.#crew, active, () => this.#feed());
    const { idleTimeout, heartbeat } = options;
    if (heartbeat !== undefined && options.kind.canBeStopped)
      this.#heartbeat = new Heartbeat(this.#crew, heartbeat, () => active() > 0);
    if (idleTimeout !== undefined) this.#idle = new IdleRetirement(idleTimeout, (worker) => this.#crew.stop(worker));
    if (options.startsAtOnce === true) this.#crew.startAll();
  }

  get state(): EngineState {
    return this.#states.current;
  }

  /** Why it broke. */
  get cause(): unknown {
    return this.#cause;
  }

  /** Tasks that are not settled. */
  get active(): number {
    return this.#ledger.open;
  }

  nextTaskId(): number {
    return this.#ledger.nextTaskId();
  }

  /** Takes a task; exactly one call of its sink follows, in a later turn or in this one. */
  submit(task: Task): void {
    if (!this.#states.isRunning) throw new InvalidStateError(`Cannot submit: the engine is ${this.state}`);
    if (isEnding()) throw new InvalidStateError('Cannot submit: this process is ending');
    this.#ledger.enter(task);
    settleBytes(task, this.#large);
    this.#feeder.queue.push(task);
    this.#heartbeat?.watch();
    this.#feed();
  }

  /** Takes one task for each worker, of which it starts all that there may be; as `submit`. */
  broadcast(tasks: readonly Task[]): void {
    if (!this.#states.isRunning) throw new InvalidStateError(`Cannot broadcast: the engine is ${this.state}`);
    for (const task of tasks) {
      this.#ledger.enter(task);
      settleBytes(task, this.#large);
    }
    this.#feeder.add(new Broadcast(tasks));
    this.#heartbeat?.watch();
    this.#feed();
  }

  stats(): PoolStats {
    return this.#ledger.statistics.snapshot(this.#crew, this.#ledger.open);
  }

  /** Takes a task back that has not begun; its sink is told. */
  cancel(task: Task, error: unknown): boolean {
    return this.#cancellation.cancel(task, error);
  }

  /** Ends a task whatever it is doing; if it has begun, with its worker. */
  abort(task: Task, error: unknown): void {
    this.#cancellation.abort(task, error);
  }

  hasBegun(task: Task): boolean {
    return task.state === 'sent' && task.worker?.hasBegun(task) === true;
  }

  /** Lets every worker forget a job. */
  forget(job: Job): void {
    for (const worker of this.#crew) worker.forget(job);
  }

  /** Takes no more tasks; ends the workers when all are done. */
  stop(options: { cancelPending: boolean }): void {
    this.#states.become('stopping');
    if (options.cancelPending) this.#cancelPending();
    this.#stopIfDrained();
  }

  /** Resolves when the last worker is gone. */
  stopped(): Promise<void> {
    if (this.#crew.size === 0 && !this.#states.isAtWork) return Promise.resolve();
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
    this.#states.become('stopping');
    this.#crew.abandon();
    this.#cancelPending();
    const died = new CancelledError(how === 'kill' ? 'The workers were killed' : 'The workers were terminated');
    const broken = () =>
      this.options.kind.brokenError('A worker was ended by terminateWorkers() or killWorkers() while the task ran', died);
    for (const worker of this.#crew) {
      for (const task of worker.takeAll().begun) this.#ledger.fail(task, () => runningError?.() ?? broken());
      worker.end(how === 'kill' ? SIGKILL : SIGTERM);
      if (how === 'terminate') setTimeout(() => worker.end(SIGKILL), TERM_GRACE_MS).unref();
    }
    this.#stopIfDrained();
  }

  #cancelPending(): void {
    const reason = 'The task was cancelled: its executor was ended before it began';
    for (const worker of this.#crew) this.#feeder.putBack(worker.takeBackAll());
    this.#failPending(() => new CancelledError(reason));
  }

  #failPending(make: () => Error): void {
    const error = errorSeries(make);
    for (const task of this.#feeder.drain()) this.#ledger.fail(task, error);
  }

  #feed(): void {
    if (!this.#states.isAtWork) return;
    this.#feeder.feed();
    const { refusal } = this.#crew;
    if (refusal !== undefined) for (const task of this.#feeder.drainBroadcasts()) this.#ledger.fail(task, () => refusal);
    this.#lookout.lookSoon();
  }

  #answered(workers: readonly Worker[]): void {
    for (const worker of workers) {
      if (worker.exhausted) this.#crew.stop(worker);
      else this.#idle?.answered(worker);
    }
    this.#feeder.relieveLate();
    this.#feed();
    this.#stopIfDrained();
  }

  #settled(): void {
    if (this.#ledger.open === 0 && this.state === 'stopping') queueMicrotask(() => this.#stopIfDrained());
    this.options.onSettled?.();
  }

  #ended(worker: Worker): void {
    this.#ledger.statistics.ended(worker);
    this.#crew.remove(worker);
    this.#answers.ended(worker);
    this.#idle?.ended(worker);
    worker.hasEnded();
    this.#deaths.ended(worker);
    if (this.options.startsAtOnce === true && this.#states.isRunning) this.#crew.startAll();
    this.#feed();
    this.#stopIfDrained();
  }

  #break(why: string, cause: unknown): void {
    if (!this.#states.become('broken')) return;
    this.#cause = cause;
    this.#crew.abandon();
    for (const worker of this.#crew) {
      const { begun, waiting } = worker.takeAll();
      this.#feeder.putBack([...begun, ...waiting]);
      worker.end(SIGKILL);
    }
    const consequence = 'while the task was running or pending; the executor is not usable any more';
    this.#failPending(() => this.options.kind.brokenError(`${why} ${consequence}`, cause));
    this.#stopIfDrained();
  }

  #stopIfDrained(): void {
    if (this.#states.isRunning || this.#ledger.open > 0) return;
    for (const worker of this.#crew) if (!worker.expectedToEnd && worker.inFlight === 0) this.#crew.stop(worker);
    if (this.#crew.size > 0) return;
    this.#states.become('stopped');
    this.#lookout.stop();
    this.#heartbeat?.stop();
    this.#large.close();
    for (const callback of this.#onStopped.splice(0)) callback();
  }
}
