/**
 * Messages in a stream of bytes, both ways.
 *
 * Runs in every process. A message is its length and its bytes, as Python's `multiprocessing.connection` has it; a
 * value that our `send` wrote is marked by a length that Python never uses. All numbers are big endian.
 *
 * | first 4 bytes     | then    | message                                                     |
 * |-------------------|---------|-------------------------------------------------------------|
 * | n ≥ 0             |         | n bytes, of `sendBytes`                                     |
 * | −1                | 8 bytes | as many bytes as those say                                  |
 * | −2 − n            |         | a value in n bytes                                          |
 * | −2^31             | 8 bytes | a value in as many bytes as those say                       |
 *
 * Nothing is believed: memory is taken as bytes arrive, and a length above the limit ends the stream.
 */
import { Buffer } from 'node:buffer';
import { ChannelClosedError, MessageTooLargeError, ProtocolError, SystemError } from '../errors.js';
import { WOULD_BLOCK } from '../substrate/socket-handle.js';
import type { ByteChannel } from './byte-channel.js';

/** A whole message: `buffer[start..end)`, valid until the next one is read unless `owned`. */
export interface Frame {
  readonly isValue: boolean;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly owned: boolean;
}

/** Most bytes of `frameHeader`. */
export const HEADER_MAX = 12;

/** Writes the header of a message in front of `end` and gives where it begins. */
export function frameHeader(into: Uint8Array, end: number, length: number, isValue: boolean): number {
  const view = new DataView(into.buffer, into.byteOffset);
  const short = isValue ? -2 - length : length;
  if (isValue ? short > LARGE_VALUE : short < 2 ** 31) {
    view.setInt32(end - 4, short);
    return end - 4;
  }
  view.setInt32(end - HEADER_MAX, isValue ? LARGE_VALUE : LARGE_BYTES);
  view.setBigUint64(end - 8, BigInt(length));
  return end - HEADER_MAX;
}

export class FrameReader {
  /** Longest message. */
  limit: number;
  #channel: Pick<ByteChannel, 'read'>;
  /** Whether only what the next message still lacks is read, since others read, too. */
  #exact = false;
  /** How much that is, as far as it is known. */
  #missing = SHORT_HEADER;
  /** Bytes that were read and belong to no message yet. */
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** A message that is longer than what is read at once. */
  #large: LargeFrame | undefined;
  /** A message that was only looked at. */
  #held: Frame | undefined;
  #failure: Error | undefined;
  #wait = false;

  constructor(channel: Pick<ByteChannel, 'read'>, limit: number) {
    this.#channel = channel;
    this.limit = limit;
  }

  /** Whether part of a message is there. */
  get isWithin(): boolean {
    return this.#large !== undefined || this.#end > this.#start;
  }

  /** A number that changes with what is read of a message. */
  get progress(): number {
    return this.#large?.filled ?? this.#end - this.#start;
  }

  /** Whether a whole message is there that was only looked at, or the stream has ended. */
  get isHolding(): boolean {
    return this.#held !== undefined || this.#failure !== undefined;
  }

  /** Whether what came was no message: nobody knows where the next one begins. */
  get isLost(): boolean {
    return this.#failure !== undefined && !(this.#failure instanceof ChannelClosedError);
  }

  /** From now on reads from this channel, and nothing in advance; what was read already is given back. */
  readExactly(channel: Pick<ByteChannel, 'read'>): Uint8Array {
    this.#channel = channel;
    this.#exact = true;
    const parts = [this.#held, this.#large].map((part) => (part === undefined ? EMPTY : unread(part)));
    const rest = Buffer.concat([...parts, this.#buffer.subarray(this.#start, this.#end)]);
    this.#held = this.#large = undefined;
    this.#buffer = EMPTY;
    this.#start = this.#end = 0;
    return rest;
  }

  /** Ends the stream: what is asked for from now on throws this. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#held = undefined;
    this.#large = undefined;
    this.#buffer = EMPTY;
    this.#start = this.#end = 0;
  }

  /**
   * The next message, if all of it is there.
   *
   * @param wait Blocks this thread for up to 100 ms, if nothing is there.
   * @throws {ChannelClosedError} At the end of the stream. {MessageTooLargeError} If it is longer than the limit, {ProtocolError}
   *   if it is none; then the stream has ended, too.
   */
  next(wait = false): Frame | undefined {
    const held = this.#held;
    this.#held = undefined;
    this.#wait = wait;
    return held ?? this.#read();
  }

  /** Whether a message, or the end, is there. */
  isReady(): boolean {
    if (this.#held !== undefined) return true;
    this.#wait = false;
    try {
      const frame = this.#read();
      if (frame === undefined) return false;
      const { buffer, start, end } = frame;
      this.#held = frame.owned ? frame : { ...frame, buffer: buffer.slice(start, end), start: 0, end: end - start, owned: true };
      return true;
    } catch {
      return true; // it will be thrown again to who asks for the message
    }
  }

  #read(): Frame | undefined {
    try {
      return this.#search();
    } finally {
      this.#leaveScratch();
    }
  }

  #search(): Frame | undefined {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      try {
        const frame = this.#large === undefined ? this.#parse() : this.#whole(this.#large);
        if (frame !== undefined) return frame;
        if (!this.#fill()) return undefined;
      } catch (error) {
        this.fail(broken(error));
      }
    }
  }

  /** A message out of what was read, or where it is longer, the beginning of it. */
  #parse(): Frame | undefined {
    const there = this.#end - this.#start;
    this.#missing = SHORT_HEADER - there;
    if (there < SHORT_HEADER) return undefined;
    const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + this.#start, there);
    const first = view.getInt32(0);
    const isLong = first === LARGE_BYTES || first === LARGE_VALUE;
    this.#missing = HEADER_MAX - there;
    if (isLong && there < HEADER_MAX) return undefined;
    const isValue = first <= -2;
    const length = isLong ? Number(view.getBigUint64(4)) : isValue ? -2 - first : first;
    if (length > this.limit)
      throw new MessageTooLargeError(
        `Cannot receive: the other end announces a message of ${length} bytes, the limit is ${this.limit}; the connection ends`,
      );
    const start = this.#start + (isLong ? HEADER_MAX : 4);
    if (length > MOST_AT_ONCE) return this.#whole(this.#begin(isValue, length, start));
    this.#missing = start + length - this.#end;
    if (this.#missing > 0) return undefined;
    this.#start = start + length;
    return { isValue, buffer: this.#buffer, start, end: start + length, owned: false };
  }

  #begin(isValue: boolean, length: number, start: number): LargeFrame {
    const filled = Math.min(length, this.#end - start);
    const bytes = new Uint8Array(Math.min(length, FIRST_PIECE));
    bytes.set(this.#buffer.subarray(start, start + filled));
    this.#start = start + filled;
    return (this.#large = { isValue, length, bytes, filled });
  }

  #whole({ isValue, length, bytes, filled }: LargeFrame): Frame | undefined {
    if (filled < length) return undefined;
    this.#large = undefined;
    return { isValue, buffer: bytes, start: 0, end: length, owned: true };
  }

  /** Reads more; false: nothing is there yet. */
  #fill(): boolean {
    return this.#large === undefined ? this.#fillBuffer() : this.#fillLarge(this.#large);
  }

  /** Into the memory that all connections of this thread read into. */
  #fillBuffer(): boolean {
    const target = scratch();
    const rest = this.#end - this.#start;
    target.set(this.#buffer.subarray(this.#start, this.#end));
    const wanted = this.#exact ? this.#missing : Math.min(target.length, this.limit + HEADER_MAX) - rest;
    const count = this.#channel.read(target, rest, wanted, this.#wait);
    if (count === WOULD_BLOCK) return false;
    if (count === 0) throw ended(rest);
    this.#buffer = target;
    this.#start = 0;
    this.#end = rest + count;
    return true;
  }

  #fillLarge(large: LargeFrame): boolean {
    if (large.filled === large.bytes.length) {
      const bytes = new Uint8Array(Math.min(large.length, large.bytes.length * 2));
      bytes.set(large.bytes);
      large.bytes = bytes;
    }
    const count = this.#channel.read(large.bytes, large.filled, large.bytes.length - large.filled, this.#wait);
    if (count === WOULD_BLOCK) return false;
    if (count === 0) throw ended(large.filled);
    large.filled += count;
    return true;
  }

  /** Others read into the same memory next. */
  #leaveScratch(): void {
    if (this.#start === this.#end) this.#buffer = EMPTY;
    else if (this.#buffer === shared) this.#buffer = shared.slice(this.#start, this.#end);
    else return;
    this.#end -= this.#start;
    this.#start = 0;
  }
}

interface LargeFrame {
  readonly isValue: boolean;
  readonly length: number;
  bytes: Uint8Array;
  filled: number;
}

/** Part of a message as it came. */
function unread(part: Frame | LargeFrame): Uint8Array {
  const [bytes, length] =
    'filled' in part
      ? [part.bytes.subarray(0, part.filled), part.length]
      : [part.buffer.subarray(part.start, part.end), part.end - part.start];
  const header = new Uint8Array(HEADER_MAX);
  return Buffer.concat([header.subarray(frameHeader(header, HEADER_MAX, length, part.isValue)), bytes]);
}

function ended(rest: number): ChannelClosedError {
  return new ChannelClosedError(
    rest === 0
      ? 'Cannot receive: the other end of the connection is closed, or its process ended'
      : `Cannot receive: the other end of the connection ended within a message, after ${rest} bytes of it`,
  );
}

function scratch(): Uint8Array {
  return (shared ??= new Uint8Array(SCRATCH_BYTES));
}

/** What a broken stream is to who receives. */
function broken(error: unknown): Error {
  if (error instanceof SystemError)
    return new ChannelClosedError(`Cannot receive: the connection broke (${error.code})`, { cause: error });
  if (error instanceof ChannelClosedError || error instanceof MessageTooLargeError) return error;
  return new ProtocolError('Cannot receive: the other end sent what is no message', { cause: error });
}

const SHORT_HEADER = 4;
const LARGE_BYTES = -1;
const LARGE_VALUE = -(2 ** 31);
const EMPTY = new Uint8Array(0);
const SCRATCH_BYTES = 2 ** 16;
/** A longer message gets memory of its own, */
const MOST_AT_ONCE = 2 ** 15;
/** which begins with so much and grows with what arrives. */
const FIRST_PIECE = 2 ** 20;
let shared: Uint8Array | undefined;
