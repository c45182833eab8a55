/**
 * Reads numbers and text from bytes that may be anything: nothing is read behind the end, and no
 * length is believed that the rest of the message cannot hold.
 *
 * Runs in every process. Whatever does not fit is a `DeserializationError`.
 */
import { DeserializationError } from '../errors.js';
import { FIX_MAX, FIX_OBJECT, FIX_STRING, TAG } from './tags.js';

/** Buffer's raw text functions, which any Uint8Array may borrow. */
interface RawText {
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** A position in a message. */
export class ByteReader {
  buffer: Uint8Array = NO_BYTES;
  /** Where the next byte is. */
  pos = 0;
  end = 0;
  #start = 0;
  /** The latin1 text of the bytes from `#textStart` to `#textEnd`, of which short strings are cut. */
  #text = '';
  #textStart = 0;
  #textEnd = 0;

  open(buffer: Uint8Array, start: number, end: number): void {
    this.buffer = buffer;
    this.pos = start;
    this.#start = start;
    this.end = end;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.buffer = NO_BYTES;
    this.#text = '';
    this.#textEnd = 0;
  }

  /** Gives up. */
  fail(reason: string): never {
    throw new DeserializationError(
      `Cannot read a message: ${reason}, received at byte ${this.pos - this.#start} of ${this.end - this.#start}`,
    );
  }

  u8(): number {
    if (this.pos >= this.end) {
      this.fail('it ends too early');
    }
    return this.buffer[this.pos++] as number;
  }

  varint(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.#longVarint(first);
  }

  /** A varint that says how many things of at least `bytesEach` bytes follow. */
  count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.end - this.pos) {
      this.fail(`it announces ${count} more items or bytes than it has room for`);
    }
    return count;
  }

  i16(): number {
    const { buffer, pos } = this;
    if (pos + 2 > this.end) {
      this.fail('a number ends too early');
    }
    this.pos = pos + 2;
    return (((buffer[pos] as number) | ((buffer[pos + 1] as number) << 8)) << 16) >> 16;
  }

  i32(): number {
    const low = this.i16() & 0xffff;
    return low | (this.i16() << 16);
  }

  f64(): number {
    this.#word();
    return DOUBLE[0] as number;
  }

  i64(): bigint {
    this.#word();
    return INTEGER[0] as bigint;
  }

  /** Copies the next `length` bytes to the beginning of `target`, which has room for them. */
  copy(target: Uint8Array, length: number): void {
    const { buffer, pos } = this;
    if (pos + length > this.end) {
      this.fail('it ends too early');
    }
    if (length <= COPY_LOOP_MAX) {
      for (let i = 0; i < length; i++) {
        target[i] = buffer[pos + i] as number;
      }
    } else {
      target.set(buffer.subarray(pos, pos + length));
    }
    this.pos = pos + length;
  }

  /** Text with its tag. */
  string(): string {
    const tag = this.u8();
    if (tag >= FIX_STRING && tag < FIX_OBJECT) {
      return this.shortString(tag & FIX_MAX);
    }
    if (tag === TAG.STRING_LATIN1) {
      return this.latin1();
    }
    return tag === TAG.STRING_UTF16 ? this.utf16() : this.fail('text was expected');
  }

  /** The text behind a tag that says its length. */
  shortString(length: number): string {
    const { pos } = this;
    const end = pos + length;
    if (end > this.end) {
      this.fail('a string ends too early');
    }
    this.pos = end;
    if (end > this.#textEnd) {
      if (this.end - pos < TEXT_MIN) {
        return length > COPIED_MAX ? latin1Slice.call(this.buffer, pos, end) : shortText(this.buffer, pos, length);
      }
      this.#textStart = pos;
      this.#textEnd = Math.min(pos + TEXT_MAX, this.end);
      this.#text = latin1Slice.call(this.buffer, pos, this.#textEnd);
    }
    return this.#text.slice(pos - this.#textStart, end - this.#textStart);
  }

  latin1(): string {
    const length = this.count(1);
    const { pos } = this;
    this.pos = pos + length;
    return latin1Slice.call(this.buffer, pos, this.pos);
  }

  utf16(): string {
    const length = this.count(2);
    const { pos } = this;
    this.pos = pos + length * 2;
    return ucs2Slice.call(this.buffer, pos, this.pos);
  }

  #word(): void {
    const { buffer, pos } = this;
    if (pos + 8 > this.end) {
      this.fail('a number ends too early');
    }
    WORD[0] = buffer[pos] as number;
    WORD[1] = buffer[pos + 1] as number;
    WORD[2] = buffer[pos + 2] as number;
    WORD[3] = buffer[pos + 3] as number;
    WORD[4] = buffer[pos + 4] as number;
    WORD[5] = buffer[pos + 5] as number;
    WORD[6] = buffer[pos + 6] as number;
    WORD[7] = buffer[pos + 7] as number;
    this.pos = pos + 8;
  }

  #longVarint(first: number): number {
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value <= Number.MAX_SAFE_INTEGER ? value : this.fail('a number is too large');
      }
      scale *= 0x80;
    }
    return this.fail('a number is too long');
  }
}

/** Text of a few characters, without a call of the engine's text decoder. */
function shortText(buffer: Uint8Array, pos: number, length: number): string {
  let text = '';
  let at = pos;
  const end = pos + length;
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(
      buffer[at] as number,
      buffer[at + 1] as number,
      buffer[at + 2] as number,
      buffer[at + 3] as number,
    );
  }
  for (; at < end; at++) {
    text += String.fromCharCode(buffer[at] as number);
  }
  return text;
}

const { latin1Slice, ucs2Slice } = Buffer.prototype as unknown as RawText;
const NO_BYTES: Uint8Array = new Uint8Array(0);
/** Longer strings are not worth putting together from characters. */
const COPIED_MAX = 12;
/** In shorter messages text is made from single characters. */
const TEXT_MIN = 192;
/**
 * How many bytes are made text of at once, because a call of the engine costs as much as five strings cut from it. A string
 * cut from a text keeps all of it in memory (those of up to 12 characters V8 copies), so it is a short one.
 */
const TEXT_MAX = 256;
const COPY_LOOP_MAX = 32;
const WORD: Uint8Array = new Uint8Array(8);
const DOUBLE: Float64Array = new Float64Array(WORD.buffer);
const INTEGER: BigInt64Array = new BigInt64Array(WORD.buffer);
