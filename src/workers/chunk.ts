/**
 * One task of a `map`: the items it takes, and what they came to.
 *
 * Runs in the process that submits.
 */
import { decodeValue, encodeArgs } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { decodeFailure } from '../wire/remote-error.js';
import { Task, type TaskSink } from './task.js';
import type { TaskOptions } from './task-options.js';
import { LARGE_BYTES } from './large-message.js';
import { type ChunkResult, FLAG_CHUNK, FLAG_REPORT, FLAG_SPREAD, TASK_HEADER_BYTES } from './worker-frames.js';

/** What became of one item. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

const ENCODE_OPTIONS = { headerBytes: TASK_HEADER_BYTES, ...LARGE_BYTES };

/** One task of a map: what its items came to. */
export class Chunk<T> implements TaskSink {
  /** May come before the end of the task, see `interrupt`. */
  readonly outcomes: Promise<Outcome<T>[]>;
  task: Task | undefined;
  readonly #size: number;
  /** Items that are not in the task, in their order. */
  readonly #refused: { readonly index: number; readonly error: unknown }[] = [];
  #resolve: (outcomes: Outcome<T>[]) => void = () => {};
  #onSettled: (() => void) | undefined;

  constructor(size: number) {
    this.#size = size;
    this.outcomes = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** An item cannot be sent: it fails alone. */
  refuse(index: number, error: unknown): void {
    this.#refused.push({ index, error });
  }

  succeed(buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    try {
      const { values, failures } = decodeValue(buffer, start, end, { owned, inFlight: true }) as ChunkResult;
      const outcomes: Outcome<T>[] = values.map((value) => ({ value: value as T }));
      for (const [index, failure] of failures) outcomes[index] = { error: decoded(failure, 0, failure.length) };
      this.#finish(outcomes);
    } catch (error) {
      this.fail(error);
    }
  }

  failEncoded(buffer: Uint8Array, start: number, end: number): void {
    this.fail(decoded(buffer, start, end));
  }

  fail(error: unknown): void {
    this.#finish(Array.from({ length: this.#size - this.#refused.length }, () => ({ error })));
  }

  /** Resolves when its task is over, also after `interrupt`. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.task === undefined || this.task.state === 'settled') resolve();
      else this.#onSettled = resolve;
    });
  }

  /** Nobody wants the outcomes any more. */
  interrupt(): void {
    this.#resolve([]);
  }

  #finish(outcomes: Outcome<T>[]): void {
    for (const { index, error } of this.#refused) outcomes.splice(index, 0, { error });
    this.#resolve(outcomes);
    this.#onSettled?.();
  }
}

/** The task of a chunk, without the items that cannot be sent: they fail alone. Undefined: none can. */
export function taskOfChunk<T>(
  id: number,
  { items, isSpread, ...rest }: Pick<Task, 'job' | 'context'> & { items: readonly unknown[]; isSpread: boolean },
  chunk: Chunk<T>,
  { taskTimeout, priority, retries }: TaskOptions,
): Task | undefined {
  const encoded = encodeItems(items, chunk);
  if (encoded === undefined) return undefined;
  const flags = FLAG_CHUNK | (isSpread ? FLAG_SPREAD : 0) | (taskTimeout === undefined ? 0 : FLAG_REPORT);
  chunk.task = new Task({ id, encoded, ...rest, flags, sink: chunk, priority, timeout: taskTimeout, retries });
  return chunk.task;
}

/** The items of a chunk, without those that cannot be sent; undefined if none can. */
function encodeItems<T>(items: readonly unknown[], chunk: Chunk<T>): Encoded | undefined {
  try {
    return encodeArgs(items, ENCODE_OPTIONS);
  } catch {
    // some of them can, perhaps
  }
  const sendable = items.filter((item, index) => {
    try {
      return encodeArgs([item]) !== undefined;
    } catch (error) {
      chunk.refuse(index, error);
      return false;
    }
  });
  if (sendable.length > 0) return encodeArgs(sendable, ENCODE_OPTIONS);
  chunk.fail(undefined); // each item has an error of its own
  return undefined;
}

function decoded(buffer: Uint8Array, start: number, end: number): unknown {
  try {
    return decodeFailure(buffer, start, end);
  } catch (error) {
    return error;
  }
}
