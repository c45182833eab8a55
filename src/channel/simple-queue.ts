/**
 * The simplest queue between processes and threads of a family.
 *
 * Runs in every process and thread.
 */
import { joinAsMember } from '../sharing/member.js';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, dropPiece, isOpening, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { QUEUE_BYTES, QueueCore, queueDied, queueFreed } from './queue-core.js';

/**
 * A queue with `put` and `get` only. It takes some items on stock, and then a put waits for a get.
 *
 * Order, deaths and what can be sent are as with `Queue`.
 *
 * @python `multiprocessing.SimpleQueue`
 */
export class SimpleQueue<T = unknown> implements Disposable {
  static {
    showAs(SimpleQueue, (queue) => (queue.#core.closed ? { closed: true } : { size: queue.#core.size }));
  }

  readonly #core: QueueCore;

  /** @throws {ResourceExhaustedError} If there is no shared memory left. */
  constructor() {
    joinAsMember();
    const isNew = !isOpening();
    const piece = pieceFor(KIND.SIMPLE_QUEUE, QUEUE_BYTES);
    const core = new QueueCore(piece, isNew ? { maxSize: 0, maxBytes: STOCK_BYTES } : undefined);
    this.#core = core;
    adoptPiece(this, piece, simpleQueueKind, () => core.close());
  }

  /** Puts a value; waits while four megabytes are inside. @throws {SerializationError} If it cannot be sent. */
  put(value: T): Promise<void> {
    return this.#core.put(value, undefined, this, MOST_BYTES);
  }

  /** As `put`, but blocks this thread. */
  putSync(value: T): void {
    this.#core.putSync(this.#core.encode(value, MOST_BYTES), undefined);
  }

  /** Takes the first item; waits while there is none. */
  get(): Promise<T> {
    return this.#core.get(undefined, this) as Promise<T>;
  }

  /** As `get`, but blocks this thread. */
  getSync(): T {
    return this.#core.getSync(undefined) as T;
  }

  /** Whether there is no item at the moment of the call. @throws {ClosedError} After `close()`. */
  empty(): boolean {
    this.#core.assertOpen('count the items');
    return this.#core.size === 0;
  }

  /** Ends the use of the queue in this thread; others go on, and its items stay. */
  close(): void {
    if (this.#core.closed) return;
    if (this.#core.close()) dropPiece(this);
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }
}

const STOCK_BYTES = 2 ** 22;
/** 1 GiB, as everywhere. */
const MOST_BYTES = 2 ** 30;

/** How simple queues are sent and repaired. */
export const simpleQueueKind: SharedKind = {
  kind: KIND.SIMPLE_QUEUE,
  open: (piece) => constructOn(piece, () => new SimpleQueue()),
  died: queueDied,
  freed: queueFreed,
};
