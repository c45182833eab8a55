/**
 * Messages of a connection over a socket on their way out: framed, then written as far as the socket takes them.
 *
 * Runs in every process.
 */
import { MessageTooLargeError } from '../errors.js';
import { WOULD_BLOCK } from '../substrate/socket-handle.js';
import { encodeValue } from '../wire/codec.js';
import type { ByteChannel } from './byte-channel.js';
import { frameHeader, HEADER_MAX } from './frame-reader.js';
import { encodeNote, Parcel } from './parcel.js';
import type { Outgoing } from './transport.js';

export interface SocketMessage extends Outgoing {
  /** Header and body, or only the header of a long one. */
  readonly first: Uint8Array;
  /** The body of a long one. */
  readonly rest: Uint8Array | undefined;
  /** Whether they are the caller's, who may change them. */
  readonly borrowed: boolean;
  /** The shared objects of it, which are handed over. */
  readonly parcel?: Parcel;
}

/**
 * Frames a value with shared objects, for another process of the family.
 *
 * @throws {SerializationError} If something in it cannot be sent. {MessageTooLargeError} {ResourceExhaustedError}
 */
export function frameParcel(value: unknown, maxBytes: number): SocketMessage {
  const parcel = new Parcel(value, maxBytes);
  try {
    const { buffer, start, end } = encodeNote(parcel, maxBytes, HEADER_MAX);
    const first = buffer.subarray(frameHeader(buffer, start, end - start, true), end);
    return { first, rest: undefined, size: first.length, borrowed: false, parcel, drop: () => void parcel.end() };
  } catch (error) {
    parcel.end();
    throw error;
  }
}

/** Frames a value. @throws {SerializationError} If it is no data. {MessageTooLargeError} If it is longer than `maxBytes`. */
export function frameValue(value: unknown, maxBytes: number): SocketMessage {
  const { buffer, start, end } = encodeValue(value, 'value', {
    headerBytes: HEADER_MAX,
    maxBytes,
    allow: () => false,
    receiverLimits: {},
  });
  const first = buffer.subarray(frameHeader(buffer, start, end - start, true), end);
  return { first, rest: undefined, size: first.length, borrowed: false, drop };
}

/** Frames bytes. @throws {MessageTooLargeError} If there are more than `maxBytes`. */
export function frameBytes(bytes: Uint8Array, maxBytes: number): SocketMessage {
  const { length } = bytes;
  if (length > maxBytes) throw new MessageTooLargeError(`Cannot send ${length} bytes: the limit of a message is ${maxBytes}`);
  const together = length <= COPIED_MAX;
  const first = new Uint8Array(HEADER_MAX + (together ? length : 0));
  const start = frameHeader(first, HEADER_MAX, length, false);
  if (together) first.set(bytes, HEADER_MAX);
  return { first: first.subarray(start), rest: together ? undefined : bytes, size: length, borrowed: !together, drop };
}

/** A message on its way. */
export class Writing {
  #parts: Uint8Array[];
  #at = 0;
  #owned: boolean;
  readonly #channel: ByteChannel;

  constructor({ first, rest, borrowed }: SocketMessage, channel: ByteChannel) {
    this.#parts = rest === undefined ? [first] : [first, rest];
    this.#owned = !borrowed;
    this.#channel = channel;
  }

  /** Copies what is the caller's. */
  own(): void {
    if (this.#owned) return;
    this.#owned = true;
    this.#parts = this.#parts.map((part) => new Uint8Array(part));
  }

  advance(): boolean {
    for (;;) {
      const [part, next] = this.#parts;
      if (part === undefined) return true;
      const count = this.#channel.write(part, this.#at, part.length - this.#at, next !== undefined);
      if (count === WOULD_BLOCK) return false;
      this.#at += count;
      if (this.#at < part.length) continue;
      this.#parts.shift();
      this.#at = 0;
    }
  }
}

/** Nothing was done that could be undone. */
const drop = (): void => undefined;
/** Bytes up to here are copied behind their header: one system call instead of two. */
const COPIED_MAX = 2 ** 14;
