/**
 * A piece of the chain that holds the items of a queue.
 *
 * Runs in every process and thread.
 *
 * ```text
 * word 0     the next segment, in lines of 64 bytes; 0: none yet
 *      1     units of 8 bytes, the header included
 * byte 16    items: u32 bytes, u32 of the user, then the bytes, padded to 8; in place of the one behind the last: u32 2^32 − 1
 * ```
 *
 * Items are written by whoever holds the put lock, before the state of that side says that they are there; so their
 * bytes need no atomics. The next segment is linked before the state moves on to it, and found again if the linker dies.
 * So is the mark behind the last item: who dies before he moved on leaves it where the next item is written over it.
 */
import { messageMemory } from '../substrate/message-memory.js';
import { arena } from '../substrate/arena.js';
import { LINE_BYTES, PAGE_BYTES } from '../substrate/layout.js';
import { self } from '../substrate/self.js';
import type { OutgoingItem, TakenItem } from './item-store.js';

const NEXT = 0;
const UNITS = 1;
/** Units of the header. */
export const FIRST_POSITION = 2;
const ITEM_HEADER_BYTES = 8;
/** Of the mark behind the last item. */
const MARK_UNITS = 1;
/** As a word: more bytes than any item has. */
const END_MARK = -1;
/** Bytes up to which a loop is quicker than a call of `set` with a new view. */
const LOOP_BYTES = 64;

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

  /** The segment at `line`; the views of those used last are kept, for making views takes long. */
  static at(line: number): Segment {
    const known = kept.get(line);
    if (known?.isCurrent === true) return known;
    kept.delete(line);
    const segment = new Segment(line);
    kept.set(line, segment);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value as number);
    return segment;
  }

  /**
   * Makes a segment that has room for an item of so many units, and for more where much is on its way already.
   *
   * @throws {ResourceExhaustedError} If there is no memory.
   */
  static create(itemUnits: number, backlogBytes: number): Segment {
    const needed = Math.max((FIRST_POSITION + itemUnits + MARK_UNITS) * 8, earlyBytes(backlogBytes));
    // Whole pages: an item that is a little longer fits into it once it is used again.
    const bytes = Math.min(Math.ceil(needed / PAGE_BYTES) * PAGE_BYTES, MOST_BYTES);
    const { offset } = self().allocator.allocate(bytes);
    Atomics.store(arena().words(offset, LINE_BYTES), UNITS, (bytes / 8) | 0);
    return Segment.at(offset / LINE_BYTES);
  }

  get next(): number {
    return Atomics.load(this.#words, NEXT) >>> 0;
  }

  set next(line: number) {
    Atomics.store(this.#words, NEXT, line | 0);
  }

  /** Whether an item of so many units fits at a position. */
  hasRoom(units: number, position: number = FIRST_POSITION): boolean {
    return position + units + MARK_UNITS <= this.units;
  }

  /** Whether it is so short that, with so much on its way, many of its kind would be needed. */
  isShortFor(backlogBytes: number): boolean {
    return this.units * 8 < earlyBytes(backlogBytes) / 4;
  }

  /** Whether the memory is still, or again, a segment of this size. */
  get isCurrent(): boolean {
    return Atomics.load(this.#words, UNITS) >>> 0 === this.units;
  }

  /** Writes that its items end there. */
  endAt(position: number): void {
    this.#words[position * 2] = END_MARK;
  }

  /** Whether its items end there. */
  endsAt(position: number): boolean {
    return this.#words[position * 2] === END_MARK;
  }

  write(position: number, item: OutgoingItem): void {
    const words = this.#words;
    words[position * 2] = item.bytes | 0;
    words[position * 2 + 1] = item.mark | 0;
    let at = position * 8 + ITEM_HEADER_BYTES;
    if (item.parts === undefined) return this.#copy(item.buffer, item.start, item.end, at);
    for (const part of item.parts) {
      this.#copy(part, 0, part.length, at);
      at += part.length;
    }
  }

  /** Bytes of the item there. */
  bytesAt(position: number): number {
    return (this.#words[position * 2] as number) >>> 0;
  }

  /** The item there, as it lies. */
  look(position: number): { bytes: Uint8Array; mark: number } {
    const start = position * 8 + ITEM_HEADER_BYTES;
    return {
      bytes: this.#bytes.subarray(start, start + this.bytesAt(position)),
      mark: (this.#words[position * 2 + 1] as number) >>> 0,
    };
  }

  /** Copies the item there: a small one into memory that all of them share. */
  read(position: number): TakenItem {
    const length = this.bytesAt(position);
    const mark = (this.#words[position * 2 + 1] as number) >>> 0;
    const start = position * 8 + ITEM_HEADER_BYTES;
    const bytes = this.#bytes;
    if (length > scratch.length) {
      const buffer = messageMemory(length);
      buffer.set(bytes.subarray(start, start + length));
      return { buffer, length, mark, owned: true };
    }
    if (length > LOOP_BYTES) scratch.set(new Uint8Array(bytes.buffer, start, length));
    else for (let i = 0; i < length; i++) scratch[i] = bytes[start + i] as number;
    return { buffer: scratch, length, mark, owned: false };
  }

  /** Gives its memory back. */
  free(): void {
    kept.delete(this.line);
    self().allocator.free({ offset: this.line * LINE_BYTES, bytes: this.units * 8 });
  }

  #copy(from: Uint8Array, start: number, end: number, at: number): void {
    const bytes = this.#bytes;
    if (end - start > LOOP_BYTES) bytes.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), at);
    else for (let i = start; i < end; i++) bytes[at++] = from[i] as number;
  }
}

/** How long a segment is to be at least where so much is on its way already. */
function earlyBytes(backlogBytes: number): number {
  return Math.min(backlogBytes / 2, LONGEST_EARLY_BYTES);
}

/** Units that an item of so many bytes takes. */
export function unitsOf(bytes: number): number {
  return Math.ceil((ITEM_HEADER_BYTES + bytes) / 8);
}

const scratch = new Uint8Array(16_384);
/** Units are counted in 32 bits. */
const MOST_BYTES: number = 2 ** 35 - PAGE_BYTES;
/** A segment that is longer than its item, since so much more comes, is at most as long as this. */
const LONGEST_EARLY_BYTES = 2 ** 20;
const KEPT = 64;
const kept = new Map<number, Segment>();
