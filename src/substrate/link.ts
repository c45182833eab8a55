/**
 * The private duplex channel of two participants: one ring each way, messages of any size, never blocking.
 *
 * Runs in every process. What does not fit waits in a queue of the sender's own memory and goes out as the
 * other side makes room. Exactly one participant at each end, hence no lock: an idle end holds nothing, and a
 * torn message hurts nobody but this pair.
 */
import { ChannelClosedError } from '../errors.js';
import { now } from './clock.js';
import type { Bell, Pump } from './doorbell.js';
import { type MessageHandler, RingConsumer } from './ring-consumer.js';
import { RING_HEADER_BYTES } from './ring-memory.js';
import { RingProducer } from './ring-producer.js';

/** Bytes of shared memory that a link with rings of `capacity` bytes needs. */
export function linkBytes(capacity: number): number {
  return 2 * (RING_HEADER_BYTES + capacity);
}

export interface LinkOptions {
  /** Where the link lies. */
  readonly offset: number;
  readonly capacity: number;
  /** The end that made the memory writes the first ring and reads the second. */
  readonly end: 'first' | 'second';
  readonly peer: Bell;
  readonly onMessage: MessageHandler;
  /** What was read cannot be a message; the link is closed then. */
  readonly onGarbage: (error: unknown) => void;
  /** Bytes of the largest message taken. */
  readonly maxMessage?: number;
}

interface Unsent {
  readonly kind: number;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class Link implements Pump {
  readonly #out: RingProducer;
  readonly #in: RingConsumer;
  readonly #peer: Bell;
  readonly #onMessage: MessageHandler;
  readonly #onGarbage: (error: unknown) => void;
  readonly #unsent: Unsent[] = [];
  /** Index of the first unsent message, and bytes of it that are out. */
  #first = 0;
  #sentOfFirst = -1;
  #unrung = 0;
  #broken = false;
  #pumping = false;

  constructor(options: LinkOptions) {
    const half = RING_HEADER_BYTES + options.capacity;
    const [out, into] =
      options.end === 'first' ? [options.offset, options.offset + half] : [options.offset + half, options.offset];
    this.#out = new RingProducer(out, options.capacity);
    this.#in = new RingConsumer(into, options.capacity, options.maxMessage);
    this.#peer = options.peer;
    this.#onMessage = options.onMessage;
    this.#onGarbage = options.onGarbage;
  }

  /**
   * Sends a message; the bytes must not change before `idle`. The other side is woken once per turn.
   *
   * @throws {ChannelClosedError} If the other side closed.
   */
  send(kind: number, buffer: Uint8Array, start: number, end: number): void {
    if (this.#broken) throw new ChannelClosedError('Cannot send: the channel is closed');
    if (this.#first === this.#unsent.length) {
      const sent = this.#out.write(kind, buffer, start, end);
      if (sent !== end - start) this.#keep({ kind, buffer, start, end }, sent);
    } else {
      this.#unsent.push({ kind, buffer, start, end });
    }
    if (this.#unrung++ === 0) queueMicrotask(this.#ring);
    else if (this.#unrung >= RING_AFTER_MESSAGES) this.#ring();
  }

  /** Whether everything sent is in the ring. */
  get idle(): boolean {
    return this.#first === this.#unsent.length;
  }

  /** Whether a handler of a message runs at this moment. */
  get pumping(): boolean {
    return this.#pumping;
  }

  /** Messages that wait for room. */
  get backlog(): number {
    return this.#unsent.length - this.#first;
  }

  pump(): boolean {
    if (this.#broken || this.#pumping) return false; // a handler may turn the doorbell itself
    let handled = 0;
    this.#pumping = true;
    try {
      const stop = now() + BUDGET_MS;
      do {
        const count = this.#in.read(this.#onMessage, MESSAGES_PER_LOOK);
        handled += count;
        if (count < MESSAGES_PER_LOOK) break;
      } while (now() < stop);
    } catch (error) {
      this.#broken = true;
      this.#onGarbage(error);
      return false;
    } finally {
      this.#pumping = false;
    }
    if (this.#in.wakeProducer()) this.#peer.ring();
    if (!this.idle) this.#flush();
    return handled >= MESSAGES_PER_LOOK && this.#in.readable();
  }

  pending(): boolean {
    if (this.#broken) return false;
    return this.#in.readable() || (!this.idle && this.#out.awaitRoom());
  }

  /** Reads what a dead peer left, to the last whole message. */
  readToEnd(): void {
    while (!this.#broken && !this.#pumping && this.#in.readable()) this.pump();
  }

  /**
   * Blocks until everything sent is in the ring; for the end of a process, when no event loop turns any more.
   *
   * @param peerAlive Asked every 100 ms; if false, the rest is given up.
   */
  flushSync(peerAlive: () => boolean): void {
    this.#ring();
    while (!this.#broken && !this.idle) {
      this.#flush();
      if (this.idle) break;
      this.#peer.ring();
      if (!this.#out.sleepForRoom(now() + FLUSH_SLICE_MS) && !peerAlive()) return;
      if (this.#out.closed) return;
    }
    this.#peer.ring();
  }

  /** Rings the peer now instead of at the end of the turn. */
  ringNow(): void {
    if (this.#unrung > 0) this.#ring();
  }

  close(): void {
    this.#broken = true;
    this.#out.close();
    this.#in.close();
    this.#peer.ring();
  }

  readonly #ring = (): void => {
    this.#unrung = 0;
    this.#peer.ring();
  };

  #keep(message: Unsent, sent: number): void {
    this.#unsent.push(message);
    this.#sentOfFirst = sent;
    if (this.#out.awaitRoom()) this.#flush();
  }

  #flush(): void {
    let progress = false;
    while (this.#first < this.#unsent.length) {
      const message = this.#unsent[this.#first] as Unsent;
      let sent: number;
      try {
        sent = this.#out.write(message.kind, message.buffer, message.start, message.end, this.#sentOfFirst);
      } catch {
        this.#broken = true; // the peer closed: its death or end is reported by whoever watches it
        return;
      }
      progress = progress || sent !== this.#sentOfFirst;
      if (sent !== message.end - message.start) {
        this.#sentOfFirst = sent;
        if (!this.#out.awaitRoom()) break;
        continue;
      }
      this.#sentOfFirst = -1;
      this.#first++;
      if (this.#first > COMPACT_AFTER && this.#first * 2 > this.#unsent.length) {
        this.#unsent.splice(0, this.#first);
        this.#first = 0;
      }
    }
    if (this.idle && this.#first > 0) {
      this.#unsent.length = 0;
      this.#first = 0;
    }
    if (progress) this.#peer.ring();
  }
}

/** A turn handles messages for so long, then lets the event loop do other things. */
const BUDGET_MS = 5;
const MESSAGES_PER_LOOK = 64;
const RING_AFTER_MESSAGES = 32;
const FLUSH_SLICE_MS = 100;
const COMPACT_AFTER = 1024;
