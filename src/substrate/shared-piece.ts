/**
 * A counted object of the arena: a header line, then its body. It is freed when nobody holds it any more.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word   0 count of holds   1 kind   2, 3 bytes of the body   4 options   5 … of the kind
 * byte 64       body, 64-byte aligned
 * ```
 *
 * The count is that of holds (one per participant and facade, listed in `holds.ts`) and of messages on their way
 * that name the object and are read once. Who may die at which step: see `holds.ts`.
 */
import { ProtocolError } from '../errors.js';
import type { Piece } from './allocator.js';
import { arena } from './arena.js';
import { LINE_BYTES } from './layout.js';
import { self } from './self.js';
import { type WatchedWord, watchedWord } from './spin.js';

const COUNT = 0;
const KIND = 1;
const BYTES_LOW = 2;
const BYTES_HIGH = 3;
const OPTIONS = 4;
/** The first header word that belongs to the kind; there are eleven. */
export const FIRST_OWN_WORD = 5;

/** A shared object as this participant holds it. */
export class SharedPiece {
  readonly offset: number;
  /** The header line. */
  readonly header: Int32Array;
  #entry: number;

  constructor(offset: number) {
    this.offset = offset;
    this.header = arena().words(offset, LINE_BYTES);
    this.#entry = self().holds.add(offset);
  }

  /** Where the body begins. */
  get body(): number {
    return this.offset + LINE_BYTES;
  }

  /** Bytes of the body, as asked for. */
  get bytes(): number {
    return bodyBytes(this.header);
  }

  get kind(): number {
    return Atomics.load(this.header, KIND);
  }

  /** A number that the maker of the object set. */
  get options(): number {
    return Atomics.load(this.header, OPTIONS);
  }

  /** The first own word of the header, for whoever waits until it changes. */
  get ownWord(): WatchedWord {
    return watchedWord(this.header, FIRST_OWN_WORD, this.offset);
  }

  /** Lets go; the object is freed if nobody else holds it. A second call changes nothing. */
  release(): void {
    if (this.#entry < 0) return;
    self().holds.remove(this.#entry);
    this.#entry = -1;
    releaseCount(this.offset);
  }
}

/**
 * Makes a shared object with a zeroed body.
 *
 * @throws {ResourceExhaustedError} If there is no memory for it.
 */
export function createPiece(kind: number, bytes: number, options = 0): SharedPiece {
  const { offset } = self().allocator.allocate(LINE_BYTES + bytes);
  const header = arena().words(offset, LINE_BYTES);
  Atomics.store(header, BYTES_LOW, bytes | 0);
  Atomics.store(header, BYTES_HIGH, Math.floor(bytes / 2 ** 32));
  Atomics.store(header, OPTIONS, options);
  Atomics.store(header, KIND, kind);
  self().holds.makeRoom();
  Atomics.store(header, COUNT, 1);
  return new SharedPiece(offset);
}

/**
 * Holds an object that somebody named: in a message whose sender holds it, or that counts as a hold.
 *
 * @throws {ProtocolError} If there is no such object.
 */
export function openPiece(kind: number, offset: number): SharedPiece {
  const { size } = arena();
  if (!Number.isSafeInteger(offset) || offset <= 0 || offset % LINE_BYTES !== 0 || offset + LINE_BYTES > size)
    throw new ProtocolError(`Cannot open a shared object: there is none at ${offset}`);
  const header = arena().words(offset, LINE_BYTES);
  if (Atomics.load(header, KIND) !== kind || Atomics.load(header, COUNT) <= 0)
    throw new ProtocolError(`Cannot open a shared object: what lies at ${offset} is another one, or was freed`);
  self().holds.makeRoom();
  Atomics.add(header, COUNT, 1);
  return new SharedPiece(offset);
}

/** Counts a message on its way that names the object and will be read once. */
export function retainCount(offset: number): void {
  Atomics.add(arena().words(offset, LINE_BYTES), COUNT, 1);
}

/** Undoes one hold, whose ever it was, and frees the object after the last. */
export function releaseCount(offset: number): void {
  const header = arena().words(offset, LINE_BYTES);
  if (Atomics.sub(header, COUNT, 1) !== 1) return;
  onFree?.(offset, header);
  const piece: Piece = { offset, bytes: LINE_BYTES + bodyBytes(header) };
  Atomics.store(header, KIND, 0);
  self().allocator.free(piece);
}

/** Says what else is to be freed with an object. */
export function beforeFree(handler: (offset: number, header: Int32Array) => void): void {
  onFree = handler;
}

let onFree: ((offset: number, header: Int32Array) => void) | undefined;

/** The header line of the object at `offset`. */
export function headerAt(offset: number): Int32Array {
  return arena().words(offset, LINE_BYTES);
}

/** The number that the maker of an object set. */
export function optionsOf(header: Int32Array): number {
  return Atomics.load(header, OPTIONS);
}

/** The kind of the object at `offset`. */
export function kindAt(offset: number): number {
  return Atomics.load(arena().words(offset, LINE_BYTES), KIND);
}

/** Bytes of an object's body, as asked for. */
export function bodyBytes(header: Int32Array): number {
  return Atomics.load(header, BYTES_HIGH) * 2 ** 32 + (Atomics.load(header, BYTES_LOW) >>> 0);
}
