/**
 * The sending of tasks to a worker that there is not: V8 then knows the way of the first real ones, from their encoding over the
 * books and the queue of an engine to the link of a worker.
 *
 * Runs in the parent, while its first worker starts. Each task is settled in the call that submits it: nothing stays open.
 */
import { Shipper } from '../wire/shipper.js';
import type { Definition } from '../wire/codec-types.js';
import { Feeder, type Hands } from './feeder.js';
import { Jobs } from './jobs.js';
import { LARGE_BYTES } from './large-message.js';
import { Ledger } from './ledger.js';
import { Task, type TaskSink } from './task.js';
import { Worker } from './worker.js';
import { FLAG_INLINE, SHARED_BYTES, TASK_HEADER_BYTES } from './worker-frames.js';
import type { WorkerChild } from './worker-life.js';

/** Makes what sends a function as a task that nobody gets. */
export function rehearsal(): (fn: object) => void {
  const jobs = new Jobs();
  const worker = new Worker(0, 'nobody', new Nobody(), Number.POSITIVE_INFINITY);
  const ledger = new Ledger(() => undefined);
  const feeder = new Feeder(new OneHand(worker));
  return (fn) => {
    const { job, encoded } = jobs.forCall(fn, [1], ENCODE_OPTIONS);
    const flags = job === undefined ? FLAG_INLINE : 0;
    const task = new Task({ id: ledger.nextTaskId(), encoded, job, flags, sink: NO_SINK });
    ledger.enter(task);
    try {
      feeder.queue.push(task);
      feeder.feed();
      worker.answered(task.sequence);
    } finally {
      ledger.settle(task, () => undefined);
    }
  };
}

/** Gets what it is sent, and does nothing about it. */
class Nobody implements WorkerChild {
  readonly pid = 0;
  readonly shared: Int32Array = new Int32Array(SHARED_BYTES / 4);
  readonly exitCode = null;
  readonly garbage = undefined;
  readonly backlog = 0;
  readonly #shipper = new Shipper(() => undefined);

  ship(definitions: readonly Definition[]): void {
    this.#shipper.ship(definitions);
  }

  sendBytes(): void {
    // there is no link
  }

  signal(): boolean {
    return false;
  }
}

/** A crew of one that never grows. */
class OneHand implements Hands {
  readonly #workers: readonly Worker[];

  constructor(worker: Worker) {
    this.#workers = [worker];
  }

  [Symbol.iterator](): Iterator<Worker> {
    return this.#workers.values();
  }

  startOne(): boolean {
    return false;
  }

  startAll(): void {
    // there is nobody else
  }
}

const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES };
const NO_SINK: TaskSink = { succeed: () => undefined, failEncoded: () => undefined, fail: () => undefined };
