/**
 * The life of a worker: how far its start is, whether it takes tasks, how it is ended.
 *
 * Runs in the parent.
 */
import { NOTHING } from '../process/frames.js';
import { now } from '../substrate/clock.js';
import type { Definition } from '../wire/codec-types.js';
import { STOP } from './worker-frames.js';

const SIGKILL = 9;

/** What a worker asks of the child that it is: a process, a thread, or in a rehearsal nobody. */
export interface WorkerChild {
  readonly pid: number;
  /** The memory beside the link: `worker-frames.ts` has what lies where. */
  readonly shared: Int32Array;
  /** Null as long as it runs. */
  readonly exitCode: number | null;
  /** What its link carried that is no message; undefined: nothing. */
  readonly garbage: unknown;
  /** Messages that do not fit into the ring yet; their bytes are read when there is room. */
  readonly backlog: number;
  /** Sends those definitions that it does not have. */
  ship(definitions: readonly Definition[]): void;
  sendBytes(kind: number, buffer: Uint8Array, start: number, end: number): void;
  /** False: it is dead already. */
  signal(number: number): boolean;
}

export abstract class WorkerLife {
  readonly number: number;
  readonly name: string;
  readonly child: WorkerChild;
  startLimit: NodeJS.Timeout | undefined;
  /** What it did not do in time, if it was killed for that. */
  unresponsive: string | undefined;
  /** It was told to end, or killed on purpose, or retires by itself: its end is no death. */
  expectedToEnd = false;
  /** No more tasks for it. */
  closed = false;
  #booted = false;
  #readySince: number | undefined;

  constructor(number: number, name: string, child: WorkerChild) {
    this.number = number;
    this.name = name;
    this.child = child;
  }

  /** The process is up. */
  get booted(): boolean {
    return this.#booted;
  }

  becomeBooted(): void {
    this.#booted = true;
    clearTimeout(this.startLimit);
  }

  /** Its initializer has returned. */
  get ready(): boolean {
    return this.#readySince !== undefined;
  }

  /** Milliseconds since its initializer has returned. */
  get readyMs(): number {
    return this.#readySince === undefined ? 0 : now() - this.#readySince;
  }

  becomeReady(): void {
    this.#readySince = now();
  }

  /** It has said that it ends by itself. */
  becomeLeaving(): void {
    this.closed = true;
    this.expectedToEnd = true;
  }

  /** Lets it end when it has done what it has. */
  stop(): void {
    if (this.expectedToEnd) return;
    this.becomeLeaving();
    this.child.sendBytes(STOP, NOTHING, 0, 0);
  }

  /** Ends it now. */
  end(signal: number): void {
    this.becomeLeaving();
    this.child.signal(signal);
  }

  /** Kills it because it did not do something in time: that is a death. */
  endUnresponsive(what: string): void {
    this.unresponsive = what;
    this.child.signal(SIGKILL);
  }
}
