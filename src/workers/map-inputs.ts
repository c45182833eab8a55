/**
 * The inputs of one `map`, read in step and lazily: synchronously as long as they are synchronous.
 *
 * Runs in the process that submits. Each input that still has something to give is told when that is not wanted.
 */
import type { AnyIterable } from './task-options.js';

/** An error, whatever it is: also `undefined` may be one. */
export interface Failure {
  readonly error: unknown;
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

export class MapInputs {
  /** How many items there will be, where all the iterables say. */
  readonly total: number | undefined;
  /** Whether an item is the list of one value of each input. */
  readonly isSpread: boolean;
  readonly #inputs: AnyIterator[];
  /** By input: whether it has nothing more to give. */
  readonly #over: boolean[];
  /** The input that it waits for. */
  #reading: AnyIterator | undefined;
  #ended = false;
  #failed: Failure | undefined;

  constructor(iterables: readonly AnyIterable<unknown>[]) {
    this.total = totalOf(iterables);
    this.isSpread = iterables.length > 1;
    this.#inputs = iterables.map(iteratorOf);
    this.#over = iterables.map(() => false);
  }

  /** Whether there is nothing more to read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why, if not because an input came to its end. */
  get failed(): Failure | undefined {
    return this.#failed;
  }

  /** Reads until there are so many `items` or no more; a promise where an input makes it wait, which never rejects. */
  read(items: unknown[], count: number): Promise<void> | undefined {
    try {
      return this.#read(items, [], count)?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Nothing more is wanted: one input has ended or failed, or something else has. */
  end(failed?: Failure): void {
    this.#ended = true;
    this.#failed ??= failed;
    this.close().catch((error: unknown) => {
      this.#failed ??= { error };
    });
  }

  /** Tells all inputs that still have something to give that it is not wanted. Rejects with what the first of them says to that. */
  async close(): Promise<void> {
    this.#ended = true;
    const reading = this.#reading;
    this.#reading = undefined;
    const closing = this.#inputs.map(async (input, index) => {
      if (this.#over[index] === true && input !== reading) return;
      this.#over[index] = true;
      const returned = input.return?.();
      if (input !== reading) await returned;
      else if (returned !== undefined && isPromise(returned)) returned.catch(() => {}); // it may never answer
    });
    const first = (await Promise.allSettled(closing)).find((each) => each.status === 'rejected');
    if (first !== undefined) throw first.reason;
  }

  #fail(error: unknown): void {
    this.#reading = undefined;
    this.end({ error });
  }

  #read(items: unknown[], tuple: unknown[], count: number): Promise<void> | undefined {
    while (items.length < count) {
      const input = this.#inputs[tuple.length] as AnyIterator;
      this.#over[tuple.length] = true; // unless it gives something
      const read = input.next();
      if (!isPromise(read)) {
        if (!this.#accept(read, items, tuple)) return undefined;
        if (tuple.length === this.#inputs.length) tuple = [];
        continue;
      }
      this.#reading = input;
      return read.then((each) =>
        this.#accept(each, items, tuple)
          ? this.#read(items, tuple.length === this.#inputs.length ? [] : tuple, count)
          : undefined,
      );
    }
    return undefined;
  }

  #accept({ value, done }: IteratorResult<unknown>, items: unknown[], tuple: unknown[]): boolean {
    this.#reading = undefined;
    if (this.#ended) return false;
    if (done === true) {
      this.end();
      return false;
    }
    this.#over[tuple.length] = false;
    tuple.push(value);
    if (tuple.length === this.#inputs.length) items.push(this.isSpread ? tuple : value);
    return true;
  }
}

/** Whether it can be an input. */
export function isIterable(value: unknown): value is AnyIterable<unknown> {
  if (typeof value === 'string') return true;
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function iteratorOf(iterable: AnyIterable<unknown>): AnyIterator {
  return Symbol.asyncIterator in Object(iterable)
    ? (iterable as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    : (iterable as Iterable<unknown>)[Symbol.iterator]();
}

function isPromise(value: unknown): value is Promise<IteratorResult<unknown>> {
  return typeof (value as { then?: unknown }).then === 'function';
}

function totalOf(iterables: readonly AnyIterable<unknown>[]): number | undefined {
  const lengths = iterables.map((each) => {
    const { length, size } = each as { length?: unknown; size?: unknown };
    return typeof length === 'number' ? length : typeof size === 'number' ? size : undefined;
  });
  return lengths.includes(undefined) ? undefined : Math.min(...(lengths as number[]));
}
