/**
 * What workers say, and what follows from it.
 *
 * Runs in the parent. What a worker says is handled at once, what the engine makes of it once per turn.
 */
import { ProtocolError } from '../errors.js';
import { decodeFailure } from '../wire/remote-error.js';
import type { Ledger } from './ledger.js';
import { bytesOf, readPlace, releaseRead } from './message-shelf.js';
import type { Task } from './task.js';
import type { Worker } from './worker.js';
import {
  ANSWER_HEADER_BYTES,
  BOOTED,
  INIT_FAILED,
  INITIALIZED,
  readF64,
  readU32,
  RETIRING,
  SEQUENCE_BYTES,
  TASK_DONE,
  TASK_DONE_SHELVED,
  TASK_FAILED,
  TASK_PROGRESS,
  TASK_STARTED,
  WORKER_FAILED,
} from './worker-frames.js';

/** What an engine does about the answers. */
export interface AnswerEvents {
  /** A task that asked for it has begun. */
  onStarted(task: Task): void;
  onInitializerFailed(error: unknown): void;
  /** A worker ends because of an error that belongs to no task. */
  onWorkerFailed(error: unknown): void;
  /** Once per turn in which any worker said something. */
  onTurn(workers: readonly Worker[]): void;
}

/** A message of some worker is being handled: nobody may read another one meanwhile. */
let receiving = false;

export class Answers {
  readonly #ledger: Ledger;
  readonly #events: AnswerEvents;
  /** Workers that have said something in this turn. */
  readonly #heard = new Set<Worker>();

  constructor(ledger: Ledger, events: AnswerEvents) {
    this.#ledger = ledger;
    this.#events = events;
  }

  /** Whether this is called while a message is being handled, of whichever engine. */
  static get areBeingHandled(): boolean {
    return receiving;
  }

  /** Handles one message. @throws {ProtocolError} If it cannot be one. */
  received(worker: Worker, kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    const outer = receiving;
    receiving = true;
    try {
      if (kind === TASK_DONE || kind === TASK_FAILED) this.#answered(worker, kind, buffer, start, end, owned);
      else if (kind === TASK_DONE_SHELVED) this.#answeredShelved(worker, buffer, start);
      else this.#handle(worker, kind, buffer, start, end);
    } finally {
      receiving = outer;
    }
    if (this.#heard.size === 0) queueMicrotask(this.#endOfTurn);
    this.#heard.add(worker);
  }

  /** A worker is gone. */
  ended(worker: Worker): void {
    this.#heard.delete(worker);
  }

  #handle(worker: Worker, kind: number, buffer: Uint8Array, start: number, end: number): void {
    if (kind === TASK_PROGRESS) {
      worker.holding(readU32(buffer, start))?.sink.progress?.(buffer, start + SEQUENCE_BYTES, end);
    } else if (kind === TASK_STARTED) {
      const task = worker.holding(readU32(buffer, start));
      if (task !== undefined) this.#events.onStarted(task);
    } else if (kind === BOOTED) worker.becomeBooted();
    else if (kind === INITIALIZED) worker.becomeReady();
    else if (kind === RETIRING) worker.becomeLeaving();
    else if (kind === INIT_FAILED) {
      worker.becomeLeaving();
      this.#events.onInitializerFailed(failureOf(buffer, start, end));
    } else if (kind === WORKER_FAILED) {
      worker.becomeLeaving();
      this.#events.onWorkerFailed(failureOf(buffer, start, end));
    } else throw new ProtocolError(`${worker.name} sent a frame of unknown kind ${kind}`);
  }

  /** The result lies in memory of the worker, which writes it anew when this side has read it. */
  #answeredShelved(worker: Worker, frame: Uint8Array, start: number): void {
    const place = readPlace(frame, start + ANSWER_HEADER_BYTES);
    try {
      const bytes = bytesOf(place);
      this.#settle(worker, frame, start, (task) => task.sink.succeed(bytes, 0, bytes.length, false));
    } finally {
      releaseRead(place);
    }
  }

  #answered(worker: Worker, kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    const from = start + ANSWER_HEADER_BYTES;
    if (kind === TASK_DONE) this.#settle(worker, buffer, start, (task) => task.sink.succeed(buffer, from, end, owned));
    else this.#settle(worker, buffer, start, (task) => task.sink.failEncoded(buffer, from, end), 'failed');
  }

  /** Ends the task that an answer is for; the answer's header is at `start`. */
  #settle(
    worker: Worker,
    buffer: Uint8Array,
    start: number,
    tell: (task: Task) => void,
    outcome: 'completed' | 'failed' = 'completed',
  ): void {
    const sequence = readU32(buffer, start);
    if (worker.expectedToEnd && worker.holding(sequence) === undefined) return; // it was taken from it
    const task = worker.answered(sequence);
    const { statistics } = this.#ledger;
    statistics.answered(task, readF64(buffer, start + 4), readF64(buffer, start + 12));
    this.#ledger.settle(task, () => {
      statistics[outcome]++;
      tell(task);
    });
  }

  readonly #endOfTurn = (): void => {
    const heard = [...this.#heard];
    this.#heard.clear();
    for (const worker of heard) worker.measure();
    this.#events.onTurn(heard);
  };
}

function failureOf(buffer: Uint8Array, start: number, end: number): unknown {
  try {
    return decodeFailure(buffer, start, end);
  } catch (error) {
    return error;
  }
}
