/**
 * The sending of tasks to a worker that there is not: V8 then knows the way of the first real ones.
 *
 * Runs in the parent, while its first worker starts.
 */
import type { Child } from '../process/launcher.js';
import { Shipper } from '../wire/shipper.js';
import { Jobs } from './jobs.js';
import { LARGE_BYTES } from './large-message.js';
import { Task, type TaskSink } from './task.js';
import { Worker } from './worker.js';
import { CLAIMS, FLAG_INLINE, TASK_HEADER_BYTES } from './worker-frames.js';

/** Makes what sends a function as a task that nobody gets. */
export function rehearsal(): (fn: object) => void {
  const jobs = new Jobs();
  const worker = new Worker(0, 'nobody', nobody() as Child, Number.POSITIVE_INFINITY);
  return (fn) => {
    const { job, encoded } = jobs.forCall(fn, [1], ENCODE_OPTIONS);
    const task = new Task({ id: 0, encoded, job, flags: job === undefined ? FLAG_INLINE : 0, sink: NO_SINK });
    worker.give(task);
    worker.answered(task.sequence);
  };
}

/** What `Worker.give` asks of a child. */
function nobody(): Pick<Child, 'shared' | 'exitCode' | 'garbage' | 'ship' | 'sendBytes'> {
  const shipper = new Shipper(() => undefined);
  return {
    shared: new Int32Array(CLAIMS),
    exitCode: null,
    garbage: undefined,
    ship: (definitions) => shipper.ship(definitions),
    sendBytes: () => undefined,
  };
}

const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES };
const NO_SINK: TaskSink = { succeed: () => undefined, failEncoded: () => undefined, fail: () => undefined };
