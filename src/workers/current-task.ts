/**
 * `currentTask`: the task that runs in this worker, as the task itself sees it.
 *
 * Runs in every process; there is one in workers only.
 */

/** What a task knows of itself, and says of itself. */
export interface CurrentTask {
  /** Unique in its executor or pool; `taskId` of a `ProcessDiedError`. */
  readonly id: number;
  /** 1, and one more after each death of a worker that it was run again for (`retries`). */
  readonly attempt: number;
  /**
   * Aborts when the task is cancelled by its signal or runs out of time. Who has asked for it has half a second then to
   * come to an end, in its event loop; others are killed at once. Its reason is the error that the caller got.
   */
  readonly signal: AbortSignal;
  /** What `options({ traceparent })` said. */
  readonly traceparent: string | undefined;
  /**
   * Reports a value to the task's future, `future.addProgressCallback()`; of maps and pools nobody hears it.
   *
   * @throws {SerializationError} If it cannot be sent.
   * @throws {InvalidStateError} If the task is over.
   */
  progress(value: unknown): void;
}

let source: (() => CurrentTask | null) | undefined;

/**
 * The task that this worker runs, or null outside of any.
 *
 * Ask before you wait for something that may outlive the task: afterwards another task may run.
 *
 * @example
 * export async function convert(files: string[]) {
 *   const task = currentTask();
 *   for (const [index, file] of files.entries()) {
 *     task?.signal.throwIfAborted();
 *     await convertOne(file);
 *     task?.progress((index + 1) / files.length);
 *   }
 * }
 *
 * @python none
 */
export function currentTask(): CurrentTask | null {
  return source?.() ?? null;
}

/** Says where the current task of this worker is asked for. */
export function setTaskSource(ask: () => CurrentTask | null): void {
  source = ask;
}
