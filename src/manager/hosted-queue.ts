/**
 * `Queue` and `JoinableQueue` of a manager.
 *
 * Runs in servers only. An item that was taken by a client that ended before it had it goes back to the head.
 */
import { checkInteger } from '../substrate/argument-checks.js';
import { InvalidStateError, QueueEmptyError, QueueFullError, QueueShutDownError } from '../errors.js';
import type { CallContext } from './call-context.js';
import { WaitList } from './wait-list.js';

interface Item {
  readonly value: unknown;
  /** Its place, for ever: one that comes back is before all that were put after it. */
  readonly number: number;
}

export class HostedQueue {
  readonly #maxSize: number;
  readonly #items: Item[] = [];
  readonly #takers = new WaitList();
  readonly #putters = new WaitList();
  readonly #joiners = new WaitList();
  #count = 0;
  #undone = 0;
  #isShutDown = false;

  constructor(maxSize = 0) {
    checkInteger('Cannot create a queue', 'maxSize', maxSize);
    this.#maxSize = Math.max(0, maxSize);
  }

  async put(call: CallContext, value: unknown, timeoutMs?: number): Promise<void> {
    if (this.tryPut(call, value)) return;
    const deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    do {
      const left = deadline === undefined ? undefined : deadline - performance.now();
      await this.#putters.wait(call, left, 'put: the queue was full');
    } while (!this.tryPut(call, value));
  }

  tryPut(_call: CallContext, value: unknown): boolean {
    if (this.#isShutDown) throw new QueueShutDownError('Cannot put: the queue was shut down');
    if (this.full()) return false;
    this.#items.push({ value, number: this.#count++ });
    this.#undone++;
    this.#takers.first()?.resolve();
    return true;
  }

  putNowait(call: CallContext, value: unknown): void {
    if (!this.tryPut(call, value)) throw new QueueFullError('Cannot put: the queue is full');
  }

  async get(call: CallContext, timeoutMs?: number): Promise<unknown> {
    const deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    for (;;) {
      const taken = this.tryGet(call);
      if (taken !== null) return taken.value;
      const left = deadline === undefined ? undefined : deadline - performance.now();
      await this.#takers.wait(call, left, 'get: the queue was empty');
    }
  }

  tryGet(call: CallContext): { value: unknown } | null {
    const item = this.#items.shift();
    if (item === undefined && this.#isShutDown) throw new QueueShutDownError('Cannot get: the queue was shut down');
    if (item === undefined) return null;
    call.onUndelivered(() => this.#putBack(item));
    this.#putters.first()?.resolve();
    if (this.#items.length > 0) this.#takers.first()?.resolve();
    return { value: item.value };
  }

  getNowait(call: CallContext): unknown {
    const taken = this.tryGet(call);
    if (taken === null) throw new QueueEmptyError('Cannot get: the queue is empty');
    return taken.value;
  }

  qsize(): number {
    return this.#items.length;
  }

  empty(): boolean {
    return this.#items.length === 0;
  }

  full(): boolean {
    return this.#maxSize > 0 && this.#items.length >= this.#maxSize;
  }

  maxSize(): number {
    return this.#maxSize;
  }

  shutdown(_call: CallContext, { immediate = false }: { immediate?: boolean } = {}): void {
    this.#isShutDown = true;
    if (immediate) this.#finish(this.#items.splice(0).length);
    for (const list of [this.#takers, this.#putters]) for (const waiting of list) waiting.resolve(); // they see it themselves
    if (immediate) this.#joiners.rejectAll(() => new QueueShutDownError('Cannot join: the queue was shut down'));
  }

  taskDone(): void {
    if (this.#undone === 0) throw new InvalidStateError('Cannot say that a task is done: all items are done already');
    this.#finish(1);
  }

  async join(call: CallContext, timeoutMs?: number): Promise<void> {
    if (this.#undone > 0) await this.#joiners.wait(call, timeoutMs, 'join: some items are not done');
  }

  #finish(count: number): void {
    this.#undone -= count;
    if (this.#undone === 0) for (const waiting of this.#joiners) waiting.resolve();
  }

  #putBack(item: Item): void {
    const at = this.#items.findIndex(({ number }) => number > item.number);
    this.#items.splice(at < 0 ? this.#items.length : at, 0, item);
    this.#takers.first()?.resolve();
  }
}
