/**
 * Appends bytes to messages that stand one behind the other in slabs of 64 KiB.
 *
 * Runs in every process. A message never moves once it is finished and nothing is written over it;
 * one that outgrows its slab gets a buffer of its own. Knows nothing of values but numbers and text.
 */
import { constants } from 'node:buffer';
import { MessageTooLargeError } from '../errors.js';
import { FIX_MAX, FIX_STRING, TAG } from './tags.js';

/** Buffer's undocumented but stable raw text functions: `write()` and `toString()` without their argument checks. */
interface RawTextBuffer extends Buffer {
  latin1Write(text: string, offset: number, length: number): number;
  ucs2Write(text: string, offset: number, length: number): number;
}

/** A growing message in a slab. */
export class ByteWriter {
  /** Where the bytes go; another one after any method that makes room. */
  buffer: RawTextBuffer = allocate(SLAB_BYTES);
  /** Where the next byte goes. */
  pos = 0;
  /** Where the message starts, behind the caller's header. */
  start = 0;
  #headerBytes = 0;
  #maxBytes = 0;
  /** Bytes of the message that are not written here. */
  #elsewhere = 0;
  /** The slab that was left by a message too big for it. */
  #slab: RawTextBuffer | undefined;
  #slabPos = 0;

  /** Opens a message behind `headerBytes` bytes that are the caller's to fill in. */
  openMessage(headerBytes: number, maxBytes: number): void {
    if (this.pos + headerBytes + ROOM_AT_START > this.buffer.length) {
      this.buffer = allocate(Math.max(SLAB_BYTES, headerBytes + ROOM_AT_START));
      this.pos = 0;
    }
    this.#headerBytes = headerBytes;
    this.#maxBytes = maxBytes;
    this.#elsewhere = 0;
    this.pos += headerBytes;
    this.start = this.pos;
  }

  /** Closes the message: the writer goes on behind it, `buffer` must be read before. */
  closeMessage(): void {
    this.countElsewhere(0);
    if (this.#slab !== undefined) {
      this.#returnToSlab();
    }
  }

  /** Counts bytes of the message that are not written here; negative: that are given up. */
  countElsewhere(bytes: number): void {
    this.#elsewhere += bytes;
    const total = this.pos - this.start + this.#elsewhere;
    if (total > this.#maxBytes) {
      this.#refuse(total);
    }
  }

  /** Gives the bytes of a failed message back. */
  abandonMessage(): void {
    if (this.#slab === undefined) {
      this.pos = this.start - this.#headerBytes;
    } else {
      this.#returnToSlab();
    }
  }

  /** Makes sure that `bytes` more bytes fit behind `pos`. */
  ensure(bytes: number): void {
    if (this.pos + bytes > this.buffer.length) {
      this.#grow(bytes);
    }
  }

  u8(value: number): void {
    this.ensure(1);
    this.buffer[this.pos++] = value;
  }

  /** An unsigned integer up to 2^53 − 1. */
  varint(value: number): void {
    this.ensure(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.buffer[this.pos++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      this.buffer[this.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.pos++] = rest;
  }

  f64(value: number): void {
    this.ensure(8);
    DOUBLE[0] = value;
    this.#word();
  }

  /** Any number with its tag. */
  number(value: number): void {
    this.ensure(9);
    const { buffer, pos } = this;
    if ((value | 0) !== value || (value === 0 && 1 / value < 0)) {
      buffer[pos] = TAG.DOUBLE;
      this.pos = pos + 1;
      DOUBLE[0] = value;
      this.#word();
    } else if (value >= 0 && value <= FIX_MAX) {
      buffer[pos] = value;
      this.pos = pos + 1;
    } else {
      buffer[pos + 1] = value;
      buffer[pos + 2] = value >> 8;
      if ((value << 16) >> 16 === value) {
        buffer[pos] = TAG.INTEGER_16;
        this.pos = pos + 3;
      } else {
        buffer[pos] = TAG.INTEGER_32;
        buffer[pos + 3] = value >> 16;
        buffer[pos + 4] = value >> 24;
        this.pos = pos + 5;
      }
    }
  }

  /** A bigint of any size with its tag. */
  bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.ensure(9);
      this.buffer[this.pos++] = TAG.BIGINT_64;
      INTEGER[0] = value;
      this.#word();
      return;
    }
    const digits = (value < 0n ? -value : value).toString(16);
    this.u8(TAG.BIGINT);
    this.u8(value < 0n ? 1 : 0);
    this.bytes(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
  }

  /** Text with its tag. */
  string(text: string): void {
    const { length } = text;
    if (length > LOOP_MAX) {
      this.#longString(text);
      return;
    }
    this.ensure(LOOP_MAX + 1);
    const { buffer } = this;
    let pos = this.pos;
    buffer[pos++] = FIX_STRING | length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0xff) {
        this.#wideString(text);
        return;
      }
      buffer[pos++] = code;
    }
    this.pos = pos;
  }

  /** Bytes behind their length, without tag. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.copy(value, value.length);
  }

  /** The first `length` of some bytes, without their length. */
  copy(bytes: Uint8Array, length: number): void {
    this.ensure(length);
    const { buffer, pos } = this;
    if (length <= COPY_LOOP_MAX) {
      for (let i = 0; i < length; i++) {
        buffer[pos + i] = bytes[i] as number;
      }
    } else {
      buffer.set(length === bytes.length ? bytes : bytes.subarray(0, length), pos);
    }
    this.pos = pos + length;
  }

  /** Whether `latin1` may write the text. */
  isLatin1(text: string): boolean {
    // On a one-byte string, which cannot match, V8 answers at once.
    return !BEYOND_LATIN1.test(text);
  }

  /** Text of one byte for each character, without its length. */
  latin1(text: string): void {
    const { length } = text;
    this.ensure(length);
    this.buffer.latin1Write(text, this.pos, length);
    this.pos += length;
  }

  /** The eight bytes of the scratch word, for which there must be room. */
  #word(): void {
    const { buffer, pos } = this;
    buffer[pos] = WORD[0] as number;
    buffer[pos + 1] = WORD[1] as number;
    buffer[pos + 2] = WORD[2] as number;
    buffer[pos + 3] = WORD[3] as number;
    buffer[pos + 4] = WORD[4] as number;
    buffer[pos + 5] = WORD[5] as number;
    buffer[pos + 6] = WORD[6] as number;
    buffer[pos + 7] = WORD[7] as number;
    this.pos = pos + 8;
  }

  #longString(text: string): void {
    if (!this.isLatin1(text)) {
      this.#wideString(text);
      return;
    }
    const { length } = text;
    this.ensure(length + 9);
    if (length <= FIX_MAX) {
      this.buffer[this.pos++] = FIX_STRING | length;
    } else {
      this.buffer[this.pos++] = TAG.STRING_LATIN1;
      this.varint(length);
    }
    this.latin1(text);
  }

  #wideString(text: string): void {
    const bytes = text.length * 2;
    this.ensure(bytes + 17);
    this.buffer[this.pos++] = TAG.STRING_UTF16;
    this.varint(text.length);
    this.ensure(bytes);
    this.buffer.ucs2Write(text, this.pos, bytes);
    this.pos += bytes;
  }

  #grow(bytes: number): void {
    const from = this.start - this.#headerBytes;
    const used = this.pos - from;
    // Room is asked for generously; closing the message is exact.
    if (this.pos - this.start + this.#elsewhere + bytes > this.#maxBytes + ROOM_AT_START) {
      this.#refuse(this.pos - this.start + this.#elsewhere + bytes);
    }
    const size = used + bytes <= SLAB_BYTES / 2 ? SLAB_BYTES : Math.max(used * 2, used + bytes + ROOM_AT_START);
    const buffer = this.#larger(size, used + bytes);
    buffer.set(this.buffer.subarray(from, this.pos), 0);
    if (size !== SLAB_BYTES && this.#slab === undefined) {
      this.#slab = this.buffer;
      this.#slabPos = from;
    }
    this.buffer = buffer;
    this.start -= from;
    this.pos = used;
  }

  /** A buffer of `size` bytes, or of `least` where the machine or the runtime has no more. */
  #larger(size: number, least: number): RawTextBuffer {
    try {
      return allocate(Math.min(size, Math.max(least, constants.MAX_LENGTH)));
    } catch {
      try {
        return allocate(least);
      } catch (error) {
        throw new MessageTooLargeError(`Cannot send a message: no memory can be had for it, received at least ${least} bytes`, {
          cause: error,
        });
      }
    }
  }

  #returnToSlab(): void {
    this.buffer = this.#slab as RawTextBuffer;
    this.pos = this.#slabPos;
    this.#slab = undefined;
  }

  #refuse(bytes: number): never {
    throw new MessageTooLargeError(
      `Cannot send a message: it is above the limit of ${this.#maxBytes} bytes, received at least ${bytes} bytes`,
    );
  }
}

function allocate(bytes: number): RawTextBuffer {
  return Buffer.allocUnsafeSlow(bytes) as RawTextBuffer;
}

const SLAB_BYTES = 65_536;
/** Below this many free bytes a slab is given up: most messages fit without being moved. */
const ROOM_AT_START = 256;
/** Up to here a loop over the characters beats a call of the engine. */
const LOOP_MAX = 20;
const COPY_LOOP_MAX = 32;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is meant
const BEYOND_LATIN1: RegExp = /[^\x00-\xff]/;
const WORD: Uint8Array = new Uint8Array(8);
const DOUBLE: Float64Array = new Float64Array(WORD.buffer);
const INTEGER: BigInt64Array = new BigInt64Array(WORD.buffer);
