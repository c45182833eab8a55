/**
 * Messages that travel through a byte ring in several records, put together again.
 *
 * Runs in every process and thread that receives. One collection for each consumer: it has at most one message that has begun, and
 * drops it when its rest cannot come any more.
 */
import { MessageTooLargeError, ProtocolError } from '../errors.js';
import { messageMemory } from './message-memory.js';
import { FLAG_FIRST, FLAG_LAST, LENGTH_BYTES } from './ring-memory.js';

/** Of a message announced as larger, memory is taken as its bytes arrive. */
const TAKEN_AT_ONCE_BYTES = 2 ** 24;

/** A message of which the beginning is here. */
interface PartialMessage {
  readonly kind: number;
  readonly total: number;
  buffer: Uint8Array;
  used: number;
}

/** What a consumer has of the message that has begun. */
export class RingChunks {
  readonly #maxMessage: number;
  #partial: PartialMessage | undefined;
  /** Messages begun and never finished, because their producer or a consumer died. */
  dropped: number = 0;

  constructor(maxMessage: number) {
    this.#maxMessage = maxMessage;
  }

  /** Whether a message has begun to arrive. */
  get midMessage(): boolean {
    return this.#partial !== undefined;
  }

  /** Forgets what has begun. */
  drop(): void {
    if (this.#partial === undefined) return;
    this.#partial = undefined;
    this.dropped++;
  }

  /**
   * Takes the payload of a record; gives the message when it is complete.
   *
   * @throws {ProtocolError} If it is no part of a message. {MessageTooLargeError} If a larger one than this consumer takes begins.
   */
  collect(kind: number, flags: number, bytes: Uint8Array, start: number, end: number): Readonly<PartialMessage> | undefined {
    if ((flags & FLAG_FIRST) !== 0) {
      this.#begin(kind, bytes, start, end);
      start += LENGTH_BYTES;
    }
    const partial = this.#partial;
    if (partial === undefined) {
      if ((flags & FLAG_LAST) !== 0) this.dropped++;
      return undefined;
    }
    append(partial, bytes, start, end);
    if ((flags & FLAG_LAST) === 0) return undefined;
    if (partial.used !== partial.total)
      throw new ProtocolError(`Cannot read the channel: ${partial.used} of ${partial.total} announced bytes arrived`);
    this.#partial = undefined;
    return partial;
  }

  /** Reads how long the message will be. */
  #begin(kind: number, bytes: Uint8Array, start: number, end: number): void {
    this.drop();
    const total =
      end - start < LENGTH_BYTES ? -1 : new DataView(bytes.buffer, bytes.byteOffset + start, LENGTH_BYTES).getFloat64(0, true);
    if (!Number.isSafeInteger(total) || total < 0)
      throw new ProtocolError(`Cannot read the channel: a message of ${total} bytes is announced`);
    if (total > this.#maxMessage)
      throw new MessageTooLargeError(`Cannot receive a message of ${total} bytes: the limit is ${this.#maxMessage}`);
    this.#partial = { kind, buffer: messageMemory(Math.min(total, TAKEN_AT_ONCE_BYTES)), used: 0, total };
  }
}

/** Memory is taken as bytes arrive, not as announced. */
function append(partial: PartialMessage, bytes: Uint8Array, start: number, end: number): void {
  const used = partial.used + end - start;
  if (used > partial.total)
    throw new ProtocolError(`Cannot read the channel: more than the announced ${partial.total} bytes arrived`);
  if (used > partial.buffer.length) {
    const larger = messageMemory(Math.min(partial.total, partial.buffer.length * 4));
    larger.set(partial.buffer.subarray(0, partial.used));
    partial.buffer = larger;
  }
  partial.buffer.set(bytes.subarray(start, end), partial.used);
  partial.used = used;
}
