/**
 * A queue in shared memory: what Queue, JoinableQueue and SimpleQueue have in common.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word 5   most items; 0: no limit      6   most bytes, in units of 8      7   bit 0 shut down, bit 1 at once
 *             8   items done (JoinableQueue)
 * byte 0          items (`item-store.ts`), then three wait points: for items, for room, for all being done
 * ```
 *
 * Who may die at which step: see `item-store.ts` and `wait-point.ts`. Each other word changes by one atomic operation.
 */
import { ClosedError, QueueShutDownError } from '../errors.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { now } from '../substrate/clock.js';
import type { ParticipantId } from '../substrate/participants.js';
import { FIRST_OWN_WORD, type SharedPiece } from '../substrate/shared-piece.js';
import type { Wait } from '../substrate/wait-limit.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { DoneCount } from './done-count.js';
import { dropItem, encodeItem, type EncodedItem, keepItem, readItem, type Received } from './item.js';
import { countLost, freeSegments, ITEM_STORE_BYTES, ItemStore, type Patience, type TakenItem } from './item-store.js';
import { LateItems } from './late-items.js';
import { Pace } from './pace.js';
import { SpareTrim } from './spare-trim.js';

const MAX_SIZE = FIRST_OWN_WORD;
const MAX_UNITS: number = FIRST_OWN_WORD + 1;
const FLAGS: number = FIRST_OWN_WORD + 2;
const DONE: number = FIRST_OWN_WORD + 3;
const SHUT_DOWN = 1;
const AT_ONCE = 2;
const ITEMS_POINT: number = ITEM_STORE_BYTES;
const ROOM_POINT: number = ITEMS_POINT + WAIT_POINT_BYTES;
const DONE_POINT: number = ROOM_POINT + WAIT_POINT_BYTES;

/** Bytes of a queue's body. */
export const QUEUE_BYTES: number = DONE_POINT + WAIT_POINT_BYTES;

/** How much fits into a queue. */
export interface QueueLimits {
  /** 0: no limit. */
  readonly maxSize: number;
  readonly maxBytes: number;
}

/** What is in a queue. */
export interface QueueStats {
  /** Items inside. */
  readonly size: number;
  /** Bytes of shared memory that they take. */
  readonly bytes: number;
  /** Items that died with the process that had just taken them. */
  readonly lost: number;
}

export class QueueCore {
  readonly #header: Int32Array;
  readonly #store: ItemStore;
  readonly #items: WaitPoint;
  readonly #room: WaitPoint;
  readonly #pace: Pace;
  readonly #trim: SpareTrim;
  readonly #late = new LateItems();
  /** Of a JoinableQueue. */
  readonly done: DoneCount;
  closed = false;
  /** Items that were put and taken by the event loop without a turn of it. */
  #atOnce = 0;

  /** Most items; 0: no limit. */
  readonly maxSize: number;
  readonly maxBytes: number;
  readonly #mostItems: number;

  /** @param limits Of a new queue; those of others are in its header. They never change. */
  constructor({ header, body }: SharedPiece, limits: QueueLimits | undefined) {
    this.#header = header;
    if (limits !== undefined) {
      Atomics.store(header, MAX_SIZE, limits.maxSize);
      Atomics.store(header, MAX_UNITS, Math.ceil(limits.maxBytes / 8) | 0);
    }
    this.maxSize = Atomics.load(header, MAX_SIZE);
    this.maxBytes = (Atomics.load(header, MAX_UNITS) >>> 0) * 8;
    this.#mostItems = this.maxSize || Number.POSITIVE_INFINITY;
    this.#store = new ItemStore(body);
    this.#items = new WaitPoint(body + ITEMS_POINT, true);
    this.#room = new WaitPoint(body + ROOM_POINT, true);
    this.done = new DoneCount({ words: header, word: DONE, point: body + DONE_POINT }, this.#store, () =>
      this.assertOpen('join'),
    );
    this.#pace = new Pace(this.#store);
    this.#trim = new SpareTrim(this.#store);
  }

  get size(): number {
    return this.#store.size;
  }

  stats(): QueueStats {
    return { size: this.#store.size, bytes: this.#store.bytes, lost: this.#store.lost };
  }

  /** Encodes a value for this queue. @throws {SerializationError|MessageTooLargeError|ClosedError} */
  encode(value: unknown, maxBytes: number = this.maxBytes): EncodedItem {
    this.assertOpen('put');
    return encodeItem(value, maxBytes);
  }

  /**
   * Writes a value down and puts it: at once if there is room, without a turn of the event loop.
   *
   * @param facade What the user has of this queue: it would close it as garbage, so it is kept while this waits.
   */
  put(value: unknown, wait: Wait | undefined, facade: object, maxBytes: number = this.maxBytes): Promise<void> {
    try {
      const item = this.encode(value, maxBytes);
      if (wait !== undefined || this.#room.waiting > 0 || !this.#putInLoop(item)) return this.#putLater(item, wait, facade);
      if (this.#pace.isAhead(item.bytes)) return this.#pace.nap();
      return ++this.#atOnce % TURN_EVERY === 0 ? nextTurn(undefined) : Promise.resolve();
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  putSync(item: EncodedItem, timeoutMs: number | undefined): void {
    try {
      const patience = patienceFor(timeoutMs);
      if (this.#tryPut(item, patience) !== true) {
        const attempt = () => this.#tryPut(item, patience);
        this.#room.waitSync(attempt, timeoutMs, 'put: the queue was full', this.#store.takeWord);
      }
    } catch (error) {
      dropItem(item);
      throw error;
    }
    if (timeoutMs === undefined && this.#pace.isAhead(item.bytes)) this.#pace.napSync();
  }

  /** Puts at once; whether there was room. */
  tryPut(item: EncodedItem): boolean {
    try {
      if (this.#tryPut(item, AT_ONCE_PATIENCE) === true) return true;
    } catch (error) {
      dropItem(item);
      throw error;
    }
    dropItem(item);
    return false;
  }

  /** Takes the first item: at once if there is one, without a turn of the event loop. @param facade As of `put`. */
  get(wait: Wait | undefined, facade: object): Promise<unknown> {
    try {
      this.assertOpen('get');
      let received = this.#late.take();
      if (received === undefined && wait === undefined && this.#items.waiting === 0) received = this.#takeInLoop();
      if (received === undefined || received.loading !== undefined) return this.#getLater(received, wait, facade);
      return ++this.#atOnce % TURN_EVERY === 0 ? nextTurn(received.value) : Promise.resolve(received.value);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  getSync(timeoutMs: number | undefined): unknown {
    this.assertOpen('get');
    const patience = patienceFor(timeoutMs);
    let received = this.#late.take() ?? this.#tryTake(patience);
    if (received === undefined) {
      const attempt = () => this.#tryTake(patience);
      received = this.#items.waitSync(attempt, timeoutMs, 'get: the queue was empty', this.#store.putWord);
    }
    return this.#late.valueOf(received);
  }

  /** Takes at once; undefined: there is nothing. */
  tryGet(): { value: unknown } | undefined {
    this.assertOpen('get');
    const received = this.#late.take() ?? this.#tryTake(AT_ONCE_PATIENCE);
    return received === undefined ? undefined : { value: this.#late.valueOf(received) };
  }

  isReady(): boolean {
    return this.#hasSome() === true;
  }

  async whenReady(wait: Wait | undefined): Promise<void> {
    await this.#items.waitAsync(this.#hasSome, wait, 'wait for the queue: it was empty');
  }

  /** Ends it for all: nothing is put any more; what is inside can still be taken unless it ends at once. */
  shutdown(immediate: boolean): void {
    Atomics.or(this.#header, FLAGS, immediate ? SHUT_DOWN | AT_ONCE : SHUT_DOWN);
    if (immediate) {
      const discarded = this.#store.discard();
      if (discarded > 0) this.done.add(discarded);
    }
    for (const point of [this.#items, this.#room, this.done]) point.wake();
  }

  assertOpen(act: string): void {
    if (this.closed) throw new ClosedError(`Cannot ${act}: the queue is closed in this process`);
  }

  /** Ends the waits of this thread with `ClosedError` and lets go of the locks; false while this thread holds one. */
  close(): boolean {
    this.closed = true;
    this.#trim.close();
    for (const point of [this.#items, this.#room, this.done]) point.pump();
    return this.#store.close();
  }

  #tryPut(item: EncodedItem, patience: Patience): true | undefined {
    this.assertOpen('put');
    if ((Atomics.load(this.#header, FLAGS) & SHUT_DOWN) !== 0)
      throw new QueueShutDownError('Cannot put: the queue was shut down');
    const outcome = this.#store.put(item, this.#mostItems, this.maxBytes, patience);
    if (this.#store.takeReleased()) this.#ringWaiting();
    if (outcome !== 'put') return undefined;
    this.#items.wake(1);
    return true;
  }

  /** Puts at once; an item that is not put because of an error is dropped. */
  #putInLoop(item: EncodedItem): boolean {
    try {
      return this.#tryPut(item, LOOP_PATIENCE) === true;
    } catch (error) {
      dropItem(item);
      throw error;
    }
  }

  async #putLater(item: EncodedItem, wait: Wait | undefined, facade: object): Promise<void> {
    const kept = keepItem(item);
    try {
      const attempt = keeping(facade, () => this.#tryPut(kept, LOOP_PATIENCE));
      await this.#room.waitAsync(attempt, wait, 'put: the queue was full');
    } catch (error) {
      dropItem(item);
      throw error;
    }
  }

  async #getLater(taken: Received | undefined, wait: Wait | undefined, facade: object): Promise<unknown> {
    const attempt = keeping(facade, this.#takeInLoop);
    const received = taken ?? (await this.#items.waitAsync(attempt, wait, 'get: the queue was empty'));
    if (received.loading === undefined) return received.value;
    await received.loading;
    return received.read();
  }

  readonly #takeInLoop = (): Received | undefined => this.#tryTake(LOOP_PATIENCE);

  readonly #hasSome = (): true | undefined => {
    this.assertOpen('wait for');
    const isOver = (Atomics.load(this.#header, FLAGS) & SHUT_DOWN) !== 0;
    return isOver || this.#late.count > 0 || this.#store.size > 0 ? true : undefined;
  };

  #tryTake(patience: Patience): Received | undefined {
    this.assertOpen('get');
    const flags = Atomics.load(this.#header, FLAGS);
    const item = (flags & AT_ONCE) !== 0 ? 'empty' : this.#store.take(patience);
    if (this.#store.takeReleased()) this.#ringWaiting();
    if (typeof item !== 'string') return this.#receive(item);
    this.#trim.idle();
    if (item === 'empty' && (flags & SHUT_DOWN) !== 0) throw new QueueShutDownError('Cannot get: the queue was shut down');
    return undefined;
  }

  #receive(item: TakenItem): Received {
    this.#room.wake(1);
    this.#trim.taken();
    try {
      return readItem(item);
    } finally {
      this.#store.delivered();
    }
  }

  /** Somebody waits in an event loop for a lock that was held here. */
  #ringWaiting(): void {
    this.#items.ringWaiting();
    this.#room.ringWaiting();
  }
}

/** Repairs a queue of which a holder died. */
export function queueDied(offset: number, dead: ParticipantId): void {
  const body = offset + LINE_BYTES;
  countLost(dead, body);
  for (const point of [ITEMS_POINT, ROOM_POINT, DONE_POINT]) new WaitPoint(body + point, true).wakeAfterDeath();
}

/** Frees the items of a queue that nobody holds any more. */
export function queueFreed(offset: number): void {
  freeSegments(offset + LINE_BYTES);
}

/** The attempt, which keeps an object from being garbage as long as somebody makes it. */
function keeping<T>(kept: object, attempt: () => T): () => T {
  return Object.assign(() => attempt(), { kept }); // as a property: a bundler drops a variable that nothing reads
}

/** The value, when the event loop has turned: who awaits one item after the other must not keep timers and sockets waiting for ever. */
function nextTurn<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(() => resolve(value)));
}

/** Items after which the event loop turns. */
const TURN_EVERY = 1024;
/** Of an event loop: a lock is held for microseconds, so sleeping for it is quicker than being rung. */
const LOOP_PATIENCE: Patience = { timeoutMs: 2, otherwise: 'mark' };
/** Of calls that never wait: who holds a lock for so long is stopped. */
const AT_ONCE_PATIENCE: Patience = { timeoutMs: 100, otherwise: 'give up' };

const PATIENT: Patience = { otherwise: 'throw' };

function patienceFor(timeoutMs: number | undefined): Patience {
  return timeoutMs === undefined ? PATIENT : { until: now() + timeoutMs, otherwise: 'throw' };
}
