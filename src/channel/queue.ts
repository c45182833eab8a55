/**
 * A queue between processes and threads of a family.
 *
 * Runs in every process and thread.
 */
import { inspect } from 'node:util';
import { QueueEmptyError, QueueFullError, QueueShutDownError } from '../errors.js';
import { iterationOf } from './iteration.js';
import { joinAsMember } from '../sharing/member.js';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, dropPiece, isOpening, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { checkInteger, checkOptionsObject } from '../substrate/argument-checks.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { QUEUE_BYTES, QueueCore, queueDied, queueFreed, type QueueStats } from './queue-core.js';

/** How a queue is made. */
export interface QueueOptions {
  /** Most bytes that its items take, and that one item may have. Default 256 MiB. */
  readonly maxBytes?: number;
}

/**
 * A queue that any number of processes and threads put to and get from, in event loops and in blocking code.
 *
 * - Items are values of any kind that travels. They are written when they are put: what cannot be sent throws at the
 *   caller. Items of one producer arrive in their order.
 * - Items lie in shared memory, which grows on demand: a put needs no reader, and a process that has put may end at once.
 *   A put waits while the queue has `maxSize` items or `maxBytes`.
 * - A producer or consumer that dies at any moment neither blocks nor damages the queue; an item is lost only if its
 *   consumer had taken it already, and is counted in `stats().lost`.
 * - Waits of one event loop are served in their order.
 *
 * @python `multiprocessing.Queue`, without a feeder thread: nothing has to be flushed or joined.
 */
export class Queue<T = unknown> implements Disposable {
  static {
    showAs(Queue, (queue) => queue.#shown());
  }

  readonly #core: QueueCore;

  /**
   * @param maxSize Most items; 0 or less: no limit. Default 0.
   * @throws {TypeError|RangeError} If a limit is no integer or out of range.
   */
  constructor(maxSize = 0, options: QueueOptions = {}) {
    joinAsMember();
    checkOptionsObject('Cannot create a queue', options);
    const { maxBytes = DEFAULT_BYTES } = options;
    const isNew = !isOpening();
    if (isNew) check(maxSize, maxBytes);
    const kind = this.sharedKind();
    const piece = pieceFor(kind.kind, QUEUE_BYTES);
    const core = new QueueCore(piece, isNew ? { maxSize: Math.max(0, maxSize), maxBytes } : undefined);
    this.#core = core;
    adoptPiece(this, piece, kind, () => core.close());
  }

  /** Most items; 0: no limit. */
  get maxSize(): number {
    return this.#core.maxSize;
  }

  /**
   * Puts a value; waits while the queue is full.
   *
   * @throws {SerializationError} If it cannot be sent. {MessageTooLargeError} If it is larger than `maxBytes`.
   * @throws {TimeoutError} If there was no room in time. {QueueShutDownError} After `shutdown()`. {ClosedError} After `close()`.
   */
  put(value: T, wait?: Wait): Promise<void> {
    return this.#core.put(value, wait, this);
  }

  /** As `put`, but blocks this thread. */
  putSync(value: T, wait?: Wait): void {
    const timeout = blockingLimit(wait);
    this.#core.putSync(this.#core.encode(value), timeout);
  }

  /** Puts a value if there is room; whether there was. */
  tryPut(value: T): boolean {
    return this.#core.tryPut(this.#core.encode(value));
  }

  /** Puts a value. @throws {QueueFullError} If there is no room. */
  putNowait(value: T): void {
    if (!this.tryPut(value)) throw new QueueFullError('Cannot put: the queue is full');
  }

  /**
   * Takes the first item; waits while there is none.
   *
   * @throws {TimeoutError} If there was none in time. {QueueShutDownError} If it was shut down and is empty. {ClosedError} After `close()`.
   * @throws {DeserializationError} If the item cannot be read here.
   */
  get(wait?: Wait): Promise<T> {
    return this.#core.get(wait, this) as Promise<T>;
  }

  /** As `get`, but blocks this thread. */
  getSync(wait?: Wait): T {
    return this.#core.getSync(blockingLimit(wait)) as T;
  }

  /** Takes the first item if there is one. */
  tryGet(): { value: T } | null {
    return (this.#core.tryGet() as { value: T } | undefined) ?? null;
  }

  /** Takes the first item. @throws {QueueEmptyError} If there is none. */
  getNowait(): T {
    const got = this.tryGet();
    if (got === null) throw new QueueEmptyError('Cannot get: the queue is empty');
    return got.value;
  }

  /** How many items are inside at the moment of the call. @throws {ClosedError} After `close()`. */
  qsize(): number {
    this.#core.assertOpen(COUNT);
    return this.#core.size;
  }

  /** Whether no item is inside at the moment of the call. @throws {ClosedError} After `close()`. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether `maxSize` items are inside at the moment of the call. @throws {ClosedError} After `close()`. */
  full(): boolean {
    const size = this.qsize();
    return this.maxSize > 0 && size >= this.maxSize;
  }

  /** What is inside at the moment of the call, and what was lost. @throws {ClosedError} After `close()`. */
  stats(): QueueStats {
    this.#core.assertOpen(COUNT);
    return this.#core.stats();
  }

  /** Ends the use of the queue in this thread; others go on, and its items stay. */
  close(): void {
    if (this.#core.closed) return;
    if (this.#core.close()) dropPiece(this);
  }

  /** Resolves at once: what was put is in the queue already. @python `join_thread()` */
  async joinThread(): Promise<void> {}

  /** Does nothing: there is no thread. @python `cancel_join_thread()` */
  cancelJoinThread(): void {}

  /**
   * Ends the queue for all: puts throw `QueueShutDownError`, gets do when it is empty.
   *
   * @param options.immediate Throws the items away, and so do gets at once. Default false.
   * @throws {TypeError} If it is no boolean. {ClosedError} After `close()`.
   */
  shutdown(options: { immediate?: boolean } = {}): void {
    const immediate = isObject(options) ? (options.immediate ?? false) : undefined;
    if (typeof immediate !== 'boolean')
      throw new TypeError(`Cannot shut down: the options must be { immediate?: boolean }, received ${inspect(options)}`);
    this.#core.assertOpen('shut down');
    this.#core.shutdown(immediate);
  }

  /** Gets items until the queue is shut down. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, void, undefined> {
    return iterationOf(
      () => this.get(),
      (error) => error instanceof QueueShutDownError,
    );
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  #shown(): { size?: number; maxSize?: number | undefined; closed?: true } {
    if (this.#core.closed) return { closed: true };
    const { size, maxSize } = this.#core;
    return { size, maxSize: maxSize > 0 ? maxSize : undefined };
  }

  /** @internal Whether a get would not wait. */
  isReady(): boolean {
    return this.#core.isReady();
  }

  /** @internal Resolves when a get would not wait. */
  whenReady(wait: Wait | undefined): Promise<void> {
    return this.#core.whenReady(wait);
  }

  /** @internal */
  protected sharedKind(): SharedKind {
    return queueKind;
  }

  /** @internal What subclasses of the library do more. */
  protected get core(): QueueCore {
    return this.#core;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The limit of a wait that blocks: an abort can only come before it. */
export function blockingLimit(wait: Wait | undefined): number | undefined {
  const { timeout, signal } = waitOptions(wait);
  signal?.throwIfAborted();
  return timeout;
}

function check(maxSize: number, maxBytes: number): void {
  checkInteger('Cannot create a queue', 'maxSize', maxSize, { most: MOST_ITEMS });
  checkInteger('Cannot create a queue', 'maxBytes', maxBytes, { least: 1, most: MOST_BYTES });
}

const COUNT = 'count the items';
const DEFAULT_BYTES = 2 ** 28;
const MOST_ITEMS = 2 ** 31 - 1;
/** A message has a length of 32 bits. */
const MOST_BYTES = 2 ** 32 - 2 ** 16;

/** How queues are sent and repaired. */
export const queueKind: SharedKind = {
  kind: KIND.QUEUE,
  open: (piece) => constructOn(piece, () => new Queue()),
  died: queueDied,
  freed: queueFreed,
};
