/**
 * A piece of the chain that holds the items of a queue.
 *
 * Runs in every process and thread.
 *
 * ```text
 * word 0     the next segment, in lines of 64 bytes; 0: none yet
 *      1     units of 8 bytes, the header included
 *      2     where its items end, in units; 0: it is the last segment
 * byte 16    items: u32 bytes, u32 of the user, then the bytes, padded to 8
 * ```
 *
 * Items are written by whoever holds the put lock, before the state of that side says that they are there; so their
 * bytes need no atomics. The next segment is linked before the state moves on to it, and found again if the linker dies.
 */
import { arena } from '../substrate/arena.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { self } from '../substrate/self.js';

const NEXT = 0;
const UNITS = 1;
const END = 2;
/** Units of the header. */
export const FIRST_POSITION = 2;
const ITEM_HEADER_BYTES = 8;
const SEGMENT_BYTES = 65_536;
/** Bytes up to which a loop is quicker than a call of `set` with a new view. */
const LOOP_BYTES = 48;

export class Segment {
  /** Lines of 64 bytes from the start of the arena. */
  readonly line: number;
  readonly units: number;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(line: number) {
    this.line = line;
    const offset = line * LINE_BYTES;
    this.units = Atomics.load(arena().words(offset, LINE_BYTES), UNITS) >>> 0;
    const buffer = arena().buffer(offset, this.units * 8);
    this.#words = new Int32Array(buffer, 0, this.units * 2);
    this.#bytes = new Uint8Array(buffer);
  }

  /** Makes a segment that has room for an item of so many units. @throws {ResourceExhaustedError} If there is no memory. */
  static create(itemUnits: number): Segment {
    const bytes = Math.max(SEGMENT_BYTES, (FIRST_POSITION + itemUnits) * 8);
    const { offset } = self().allocator.allocate(bytes);
    Atomics.store(arena().words(offset, LINE_BYTES), UNITS, (bytes / 8) | 0);
    return new Segment(offset / LINE_BYTES);
  }

  get next(): number {
    return Atomics.load(this.#words, NEXT) >>> 0;
  }

  set next(line: number) {
    Atomics.store(this.#words, NEXT, line | 0);
  }

  /** Where its items end; 0: more may come. */
  get end(): number {
    return Atomics.load(this.#words, END) >>> 0;
  }

  set end(position: number) {
    Atomics.store(this.#words, END, position | 0);
  }

  /** Whether it may be used once more. */
  get isUsual(): boolean {
    return this.units * 8 === SEGMENT_BYTES;
  }

  /** Whether the memory is still, or again, a segment of this size. */
  get isCurrent(): boolean {
    return Atomics.load(this.#words, UNITS) >>> 0 === this.units;
  }

  /** Makes it as new. */
  clear(): void {
    this.next = 0;
    this.end = 0;
  }

  /** Writes an item made of parts. */
  write(position: number, mark: number, parts: readonly Uint8Array[], bytes: number): void {
    this.#words[position * 2] = bytes | 0;
    this.#words[position * 2 + 1] = mark | 0;
    let at = position * 8 + ITEM_HEADER_BYTES;
    for (const part of parts) {
      if (part.length > LOOP_BYTES) this.#bytes.set(part, at);
      else for (let i = 0; i < part.length; i++) this.#bytes[at + i] = part[i] as number;
      at += part.length;
    }
  }

  /** Bytes of the item there. */
  bytesAt(position: number): number {
    return (this.#words[position * 2] as number) >>> 0;
  }

  markAt(position: number): number {
    return (this.#words[position * 2 + 1] as number) >>> 0;
  }

  /** Copies the first bytes of the item there. */
  copyTo(into: Uint8Array, position: number, length: number): void {
    const start = position * 8 + ITEM_HEADER_BYTES;
    if (length > LOOP_BYTES) into.set(this.#bytes.subarray(start, start + length));
    else for (let i = 0; i < length; i++) into[i] = this.#bytes[start + i] as number;
  }

  /** Gives its memory back. */
  free(): void {
    self().allocator.free({ offset: this.line * LINE_BYTES, bytes: this.units * 8 });
  }
}

/** Units that an item of so many bytes takes. */
export function unitsOf(bytes: number): number {
  return Math.ceil((ITEM_HEADER_BYTES + bytes) / 8);
}
