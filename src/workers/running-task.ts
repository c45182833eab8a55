/**
 * The task that a worker runs, from inside: its identity, its abort signal, its reports.
 *
 * Runs in workers only; made when the task asks for it.
 */
import { InvalidStateError } from '../errors.js';
import type { ParentLink } from '../process/child-main.js';
import { encodeValue } from '../wire/codec.js';
import { decodeFailure } from '../wire/remote-error.js';
import type { CurrentTask } from './current-task.js';
import { LISTENER_WORD, SEQUENCE_BYTES, TASK_PROGRESS, writeU32 } from './worker-frames.js';

const HEADER = { headerBytes: SEQUENCE_BYTES };

export class RunningTask implements CurrentTask {
  readonly id: number;
  readonly attempt: number;
  readonly traceparent: string | undefined;
  readonly #sequence: number;
  readonly #parent: ParentLink;
  readonly #shared: Int32Array;
  #controller: AbortController | undefined;
  #isOver = false;

  constructor(
    parent: ParentLink,
    shared: Int32Array,
    task: { sequence: number; id: number; attempt: number; traceparent: string | undefined },
  ) {
    this.#parent = parent;
    this.#shared = shared;
    this.#sequence = task.sequence;
    this.id = task.id;
    this.attempt = task.attempt;
    this.traceparent = task.traceparent;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (!this.#isOver) Atomics.store(this.#shared, LISTENER_WORD, this.#sequence);
    }
    return this.#controller.signal;
  }

  progress(value: unknown): void {
    if (this.#isOver) throw new InvalidStateError('Cannot report progress: the task is over');
    const { buffer, start, end, definitions } = encodeValue(value, 'progress', HEADER);
    writeU32(buffer, start - SEQUENCE_BYTES, this.#sequence);
    this.#parent.ship(definitions);
    this.#parent.sendBytes(TASK_PROGRESS, buffer, start - SEQUENCE_BYTES, end);
    this.#parent.link.ringNow();
  }

  /** Tells the task that it is not wanted any more; the reason is an encoded failure. */
  abort(buffer: Uint8Array, start: number, end: number): void {
    let reason: unknown;
    try {
      reason = decodeFailure(buffer, start, end);
    } catch (error) {
      reason = error;
    }
    this.#controller?.abort(reason);
  }

  end(): void {
    this.#isOver = true;
  }
}
