/**
 * The workers of one engine: starts them, counts them, sees to it that one that shall end does.
 *
 * Runs in the parent. Decides neither which tasks they get nor what their end means.
 */
import type { AdoptedChild } from '../process/adopt-child.js';
import { self } from '../substrate/self.js';
import type { Encoded } from '../wire/codec-types.js';
import { warmUp } from '../wire/warm-up.js';
import type { EngineOptions } from './engine-options.js';
import { rehearsal } from './rehearsal.js';
import { START_MS, startWorker, type WorkerStart } from './start-worker.js';
import type { Worker } from './worker.js';

const SIGKILL = 9;
/** From the request to end to the kill, in milliseconds. */
export const TERM_GRACE_MS = 5000;

/** Whom a crew tells of its workers. */
export interface CrewEvents extends Pick<WorkerStart, 'onMessage' | 'onExit'> {
  /** The operating system gives no worker, and there is none. */
  onRefused(error: unknown): void;
  /** What had to be waited for is over: workers can be started. */
  onPrepared(): void;
}

export class Crew implements Iterable<Worker> {
  readonly #options: EngineOptions;
  readonly #initializer: Encoded;
  readonly #events: CrewEvents;
  readonly #workers = new Set<Worker>();
  readonly #faces = new Map<Worker, AdoptedChild>();
  /** Something is waited for before the first worker can be started. */
  #preparing = false;
  #abandoned = false;
  /** Set while nobody is to be started. */
  #pause: NodeJS.Timeout | undefined;
  #started = 0;
  /** Most workers that took tasks at one time. */
  #mostOpen = 0;
  #refusal: unknown;

  constructor(options: EngineOptions, initializer: Encoded, events: CrewEvents) {
    this.#options = options;
    this.#initializer = initializer;
    this.#events = events;
  }

  [Symbol.iterator](): Iterator<Worker> {
    return this.#workers.values();
  }

  /** Workers that are not gone, also those that will take no more tasks; and one where some shall be started whatever happens. */
  get size(): number {
    return this.#workers.size + (this.#preparing && this.#options.startsAtOnce === true ? 1 : 0);
  }

  /** Workers that were started in the place of one that has ended, or is about to. */
  get restarts(): number {
    return this.#started - this.#mostOpen;
  }

  /** Workers that take tasks. */
  get open(): number {
    let open = 0;
    for (const worker of this.#workers) if (!worker.closed) open++;
    return open;
  }

  /** Why the operating system gave no worker when one was last asked for. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /** Starts all workers that there may be. */
  startAll(): void {
    while (this.startOne());
  }

  /** Starts a worker if there may be one more. True: one was started. */
  startOne(): boolean {
    const { maxWorkers } = this.#options;
    if (this.open >= maxWorkers || this.#workers.size >= maxWorkers * 2 || this.#mustWait()) return false;
    try {
      this.#start();
      this.#refusal = undefined;
      return true;
    } catch (error) {
      this.#refusal = error;
      if (this.open === 0) this.#events.onRefused(error); // else fewer workers than wanted are better than none
      return false;
    }
  }

  /** Starts nobody for so many milliseconds. */
  pause(ms: number): void {
    clearTimeout(this.#pause);
    const over = () => {
      this.#pause = undefined;
      if (!this.#abandoned) this.#events.onPrepared();
    };
    this.#pause = setTimeout(over, ms).unref();
  }

  /** Those that wait to be started are not wanted any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#preparing = false;
    clearTimeout(this.#pause);
  }

  #mustWait(): boolean {
    if (this.#preparing || this.#abandoned || this.#pause !== undefined) return true;
    const prepared = this.#options.kind.prepare?.();
    if (prepared === undefined) return false;
    this.#preparing = true;
    const over = (tell: () => void) => {
      if (this.#abandoned) return;
      this.#preparing = false;
      tell();
    };
    prepared.then(
      () => over(() => this.#events.onPrepared()),
      (error: unknown) => over(() => this.#events.onRefused(error)),
    );
    return true;
  }

  #start(): void {
    const { worker, face } = startWorker({
      kind: this.#options.kind,
      namePrefix: this.#options.namePrefix,
      maxTasks: this.#options.maxTasksPerChild ?? Number.POSITIVE_INFINITY,
      memoryLimitMb: this.#options.memoryLimitMb,
      heartbeatMs: this.#options.heartbeat,
      initializer: this.#initializer,
      ...this.#events,
      onLate: startsTooLong,
    });
    this.#faces.set(worker, face);
    this.#workers.add(worker);
    this.#started++;
    warmUp(rehearsal, () => worker.ready);
    this.#mostOpen = Math.max(this.#mostOpen, this.open);
  }

  /** Lets a worker end when it has done what it has; one that does not obey, stopped or with an event loop that does not turn, is killed. */
  stop(worker: Worker): void {
    worker.stop();
    this.#endAfterGrace(worker);
  }

  /** A worker is gone. */
  remove(worker: Worker): void {
    clearTimeout(worker.startLimit);
    this.#workers.delete(worker);
    this.#faces.get(worker)?.ended();
    this.#faces.delete(worker);
  }

  /** An initializer may take its time: it runs in each worker, also in one that is told to stop at once. */
  #endAfterGrace(worker: Worker): void {
    const end = () => {
      if (worker.phase === 'initializing' && this.#workers.has(worker)) this.#endAfterGrace(worker);
      else worker.end(SIGKILL);
    };
    setTimeout(end, TERM_GRACE_MS).unref();
  }
}

function startsTooLong(worker: Worker): void {
  self().doorbell.turn(); // this process may have been busy itself
  if (!worker.booted) worker.endUnresponsive(`did not start within ${START_MS / 1000} s`);
}
