/**
 * One unit of work on its way through the engine.
 *
 * Runs in the parent.
 */
import { retainHolds } from '../sharing/shared-kinds.js';
import type { Encoded } from '../wire/codec-types.js';
import type { Broadcast } from './broadcast.js';
import type { Job } from './jobs.js';
import type { ShelvedMessage } from './message-shelf.js';
import type { Worker } from './worker.js';
import { FLAG_CONTEXT } from './worker-frames.js';

/** What becomes of a task; exactly one of the calls is made, once. */
export interface TaskSink {
  /** The encoded result is valid only during the call, unless the buffer is `owned`: then it is the result's alone. */
  succeed(buffer: Uint8Array, start: number, end: number, owned: boolean): void;
  /** The encoded failure is valid only during the call. */
  failEncoded(buffer: Uint8Array, start: number, end: number): void;
  fail(error: unknown): void;
  /** The running task reports a value, encoded; valid only during the call. */
  progress?(buffer: Uint8Array, start: number, end: number): void;
}

export class Task {
  readonly id: number;
  encoded: Encoded;
  readonly job: Job | undefined;
  readonly flags: number;
  readonly sink: TaskSink;
  readonly priority: number;
  /** Milliseconds from its start to its worker's end; undefined: no limit. */
  readonly timeout: number | undefined;
  /** How often it may run again after a worker's death. */
  retries: number;
  state: 'pending' | 'sent' | 'settled' = 'pending';
  /** How often it was begun, this time included. */
  attempt = 1;
  /** When it was submitted, in milliseconds of `now()`. */
  submitted = 0;
  /** What it takes along of the surroundings of its submit. */
  readonly context: Encoded | undefined;
  /** If each worker is to get one like it. */
  broadcast: Broadcast | undefined;
  worker: Worker | undefined;
  sequence = 0;
  timer: NodeJS.Timeout | undefined;
  /** Its message, where that lies in shared memory and not in `encoded`. */
  shelved: ShelvedMessage | undefined;
  /** Lets go of the shared objects that its message names. */
  readonly release: (() => void) | undefined;

  constructor(init: {
    id: number;
    encoded: Encoded;
    job: Job | undefined;
    flags: number;
    sink: TaskSink;
    priority?: number | undefined;
    timeout?: number | undefined;
    retries?: number | undefined;
    context?: Encoded | undefined;
  }) {
    this.id = init.id;
    this.encoded = init.encoded;
    this.job = init.job;
    this.context = init.context;
    this.flags = init.flags | (init.context === undefined ? 0 : FLAG_CONTEXT);
    this.sink = init.sink;
    this.priority = init.priority ?? 0;
    this.timeout = init.timeout;
    this.retries = init.retries ?? 0;
    const holds = holdsOf(init);
    if (holds !== undefined) this.release = retainHolds(holds);
  }
}

/** The shared objects that its messages name; undefined: none. */
function holdsOf({
  encoded,
  job,
  context,
}: Pick<Task, 'encoded' | 'job'> & { context?: Encoded | undefined }): object[] | undefined {
  if (encoded.holds.length === 0 && context === undefined && (job === undefined || job.encoded.holds.length === 0))
    return undefined;
  const holds = [...encoded.holds, ...(job?.encoded.holds ?? []), ...(context?.holds ?? [])];
  return holds.length === 0 ? undefined : holds;
}
