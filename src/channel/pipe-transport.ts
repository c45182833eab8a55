/**
 * One end of a pipe in shared memory.
 *
 * Runs in every process and thread.
 */
import { ChannelClosedError, ClosedError, MessageTooLargeError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { headerAt } from '../substrate/shared-piece.js';
import type { Wait } from '../substrate/wait-limit.js';
import type { WatchedWord } from '../substrate/spin.js';
import { WaitPoint } from '../substrate/wait-point.js';
import { dropItem, encodeItem, type EncodedItem, keepItem, readItem } from './item.js';
import { definitionsIn, RAW } from './item-holds.js';
import { ItemStore, type Patience, type TakenItem } from './item-store.js';
import { directionFrom, type EndRole, isGone } from './pipe-memory.js';
import type { Arrival, Outgoing, Transport } from './transport.js';

interface PipeMessage extends Outgoing {
  readonly item: EncodedItem;
}

export class PipeTransport implements Transport<PipeMessage> {
  readonly ofFamily = true;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly #header: Int32Array;
  readonly #peer: 0 | 1;
  readonly #out: ItemStore | undefined;
  readonly #in: ItemStore | undefined;
  readonly #outReceivers: WaitPoint;
  readonly #outSenders: WaitPoint;
  readonly #inReceivers: WaitPoint;
  readonly #inSenders: WaitPoint;
  readonly #onClose: () => void;
  #closed = false;

  /** @param onClose Lets go of the end. */
  constructor({ pipe, index, readable, writable }: EndRole & { pipe: number }, onClose: () => void) {
    this.readable = readable;
    this.writable = writable;
    this.#header = headerAt(pipe);
    this.#peer = (1 - index) as 0 | 1;
    this.#onClose = onClose;
    const out = directionFrom(pipe, index);
    const into = directionFrom(pipe, this.#peer);
    if (writable) this.#out = new ItemStore(out.store);
    if (readable) this.#in = new ItemStore(into.store);
    this.#outReceivers = new WaitPoint(out.receivers, true);
    this.#outSenders = new WaitPoint(out.senders, true);
    this.#inReceivers = new WaitPoint(into.receivers, true);
    this.#inSenders = new WaitPoint(into.senders, true);
  }

  get closed(): boolean {
    return this.#closed;
  }

  encode(value: unknown): PipeMessage {
    return messageOf(encodeItem(value, MOST_BYTES));
  }

  encodeBytes(bytes: Uint8Array): PipeMessage {
    if (bytes.length > MOST_BYTES)
      throw new MessageTooLargeError(`Cannot send ${bytes.length} bytes: the limit of a message is ${MOST_BYTES}`);
    const whole = { buffer: bytes, start: 0, end: bytes.length, parts: undefined, bytes: bytes.length };
    return messageOf({ ...whole, mark: RAW, holds: [], isBorrowed: true });
  }

  send(message: PipeMessage): Promise<void> | undefined {
    try {
      if (this.#outSenders.waiting === 0 && this.#trySend(message.item, LOOP_PATIENCE) === true) return undefined;
    } catch (error) {
      message.drop();
      return Promise.reject(error as Error);
    }
    return this.#sendLater(message);
  }

  async #sendLater(message: PipeMessage): Promise<void> {
    try {
      const kept = keepItem(message.item);
      await this.#outSenders.waitAsync(() => this.#trySend(kept, LOOP_PATIENCE), undefined, 'send');
    } catch (error) {
      message.drop();
      throw error;
    }
  }

  sendSync(message: PipeMessage): void {
    try {
      if (this.#trySend(message.item, PATIENT) === true) return;
      this.#outSenders.waitSync(() => this.#trySend(message.item, PATIENT), undefined, 'send', (this.#out as ItemStore).takeWord);
    } catch (error) {
      message.drop();
      throw error;
    }
  }

  receive(wait: Wait | undefined): Promise<Arrival> {
    return this.#inReceivers.waitAsync(() => this.#tryReceive(LOOP_PATIENCE), wait, 'receive: no message came');
  }

  receiveSync(timeoutMs: number | undefined): Arrival {
    const patience: Patience = timeoutMs === undefined ? PATIENT : { until: now() + timeoutMs, otherwise: 'throw' };
    const attempt = () => this.#tryReceive(patience);
    return this.#tryReceive(patience) ?? this.#inReceivers.waitSync(attempt, timeoutMs, 'receive: no message came', this.#inWord);
  }

  isReady(): boolean {
    return this.#hasSome() === true;
  }

  async whenReady(wait: Wait | undefined): Promise<void> {
    await this.#inReceivers.waitAsync(this.#hasSome, wait, 'poll: no message came');
  }

  whenReadySync(timeoutMs: number | undefined): void {
    this.#inReceivers.waitSync(this.#hasSome, timeoutMs, 'poll: no message came', this.#inWord);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const point of [this.#outSenders, this.#inReceivers]) point.pump();
    if (this.release()) this.#onClose();
  }

  /** Lets go of the locks; false while this thread holds one. */
  release(): boolean {
    const stores = [this.#out, this.#in].filter((store) => store !== undefined);
    return stores.every((store) => store.close());
  }

  #trySend(item: EncodedItem, patience: Patience): true | undefined {
    if (this.#closed) throw new ClosedError('Cannot send: the connection is closed in this process');
    if (isGone(this.#header, this.#peer))
      throw new ChannelClosedError('Cannot send: the other end of the connection is closed, or its process ended');
    const store = this.#out as ItemStore;
    const outcome = store.put(item, Number.POSITIVE_INFINITY, STOCK_BYTES, patience);
    if (store.takeReleased()) ringWaiting(this.#outSenders, this.#outReceivers);
    if (outcome !== 'put') return undefined;
    this.#outReceivers.wake(); // one may only poll
    return true;
  }

  #tryReceive(patience: Patience): Arrival | undefined {
    if (this.#closed) throw new ClosedError('Cannot receive: the connection is closed in this process');
    // Looked at first: what was sent before the end is still there to be taken.
    const ended = isGone(this.#header, this.#peer);
    const store = this.#in as ItemStore;
    const item = store.take(patience);
    if (store.takeReleased()) ringWaiting(this.#inSenders, this.#inReceivers);
    if (typeof item !== 'string') return this.#arrived(item, store);
    if (item === 'empty' && ended)
      throw new ChannelClosedError('Cannot receive: the other end of the connection is closed, or its process ended');
    return undefined;
  }

  #arrived(item: TakenItem, store: ItemStore): Arrival {
    this.#inSenders.wake(1);
    try {
      return item.mark === RAW ? { loading: undefined, bytes: bytesOf(item) } : readItem(item);
    } finally {
      store.delivered();
    }
  }

  readonly #hasSome = (): true | undefined => {
    if (this.#closed) throw new ClosedError('Cannot poll: the connection is closed in this process');
    const ended = isGone(this.#header, this.#peer);
    return ended || (this.#in as ItemStore).size > 0 ? true : undefined;
  };

  get #inWord(): WatchedWord {
    return (this.#in as ItemStore).putWord;
  }
}

/** Somebody waits in an event loop for a lock that was held here. */
function ringWaiting(...points: WaitPoint[]): void {
  for (const point of points) point.ringWaiting();
}

function messageOf(item: EncodedItem): PipeMessage {
  return { item, size: item.bytes, defines: definitionsIn(item.mark) > 0, drop: () => dropItem(item) };
}

function bytesOf({ buffer, length, owned }: TakenItem): Uint8Array {
  return owned ? buffer.subarray(0, length) : buffer.slice(0, length);
}

/** Some messages of a megabyte, so that the sender of such ones need not wait for each. */
const STOCK_BYTES = 2 ** 22;
/** 1 GiB, as everywhere. */
const MOST_BYTES = 2 ** 30;
/** Of an event loop: a lock is held for microseconds, so sleeping for it is quicker than being rung. */
const LOOP_PATIENCE: Patience = { timeoutMs: 2, otherwise: 'mark' };
const PATIENT: Patience = { otherwise: 'throw' };
