/**
 * One call of a pool's function: `apply` and `applyAsync`.
 *
 * Runs in the process that has the pool. Nothing that arrives can throw outside the one call it belongs to.
 */
import { CancelledError, TimeoutError } from '../errors.js';
import { decodeValue } from '../wire/codec.js';
import { decodeFailure } from '../wire/remote-error.js';
import { onAbort } from '../workers/abort-listeners.js';
import type { WorkerEngine } from '../workers/engine.js';
import { encodeContext } from '../workers/task-context.js';
import { Task, type TaskSink } from '../workers/task.js';
import type { MapOptions } from '../workers/task-options.js';
import { LARGE_BYTES } from '../workers/large-message.js';
import { FLAG_INLINE, FLAG_REPORT, TASK_HEADER_BYTES } from '../workers/worker-frames.js';
import type { Settlement } from './async-result.js';

/** A timer of the event loop cannot be longer. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;
const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES };

/** Submits one call; what cannot be sent fails it. */
export function callInPool<R>(
  engine: WorkerEngine,
  fn: object,
  args: readonly unknown[],
  options: MapOptions,
  settlement: Settlement<R>,
): void {
  const { signal, timeout, taskTimeout } = options;
  if (signal?.aborted === true) {
    settlement.reject(cancelledBy(signal));
    return;
  }
  const sink = new CallSink(settlement);
  let task: Task;
  try {
    const context = encodeContext();
    const { job, encoded } = engine.jobs.forCall(fn, args, ENCODE_OPTIONS); // to be submitted before user code can run
    task = new Task({
      id: engine.nextTaskId(),
      encoded,
      job,
      flags: (job === undefined ? FLAG_INLINE : 0) | (taskTimeout === undefined ? 0 : FLAG_REPORT),
      sink,
      timeout: taskTimeout,
      context,
    });
  } catch (error) {
    settlement.reject(error);
    return;
  }
  engine.submit(task);
  if (signal !== undefined) sink.atEnd(onAbort(signal, () => engine.abort(task, cancelledBy(signal))));
  if (timeout === undefined || timeout > LONGEST_TIMER_MS) return;
  const timer = setTimeout(
    () => {
      const error = new TimeoutError(`Cannot go on with apply: it was not done within ${timeout} ms`);
      if (!engine.cancel(task, error)) settlement.reject(error);
    },
    Math.max(0, timeout),
  );
  sink.atEnd(() => clearTimeout(timer));
}

/** The error of what a signal has ended. */
export function cancelledBy(signal: AbortSignal): CancelledError {
  return new CancelledError('The call was cancelled by its signal', { cause: signal.reason });
}

/** An encoded failure; what cannot be read is an error too. */
export function failureOf(buffer: Uint8Array, start: number, end: number): unknown {
  try {
    return decodeFailure(buffer, start, end);
  } catch (error) {
    return error;
  }
}

class CallSink<R> implements TaskSink {
  readonly #settlement: Settlement<R>;
  #atEnd: (() => void)[] | undefined;

  constructor(settlement: Settlement<R>) {
    this.#settlement = settlement;
  }

  atEnd(release: () => void): void {
    this.#atEnd ??= [];
    this.#atEnd.push(release);
  }

  succeed(buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    let value: R;
    try {
      value = decodeValue(buffer, start, end, { owned, inFlight: true }) as R;
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#release();
    this.#settlement.resolve(value);
  }

  failEncoded(buffer: Uint8Array, start: number, end: number): void {
    this.fail(failureOf(buffer, start, end));
  }

  fail(error: unknown): void {
    this.#release();
    this.#settlement.reject(error);
  }

  #release(): void {
    for (const release of this.#atEnd ?? []) release();
  }
}
