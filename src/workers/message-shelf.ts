/**
 * Shared memory for large messages between an engine and its workers: written there once, read from there, while the ring
 * carries their place only.
 *
 * Runs in both. A shelf belongs to the side that sends. Its pieces are used again and again, and given back when no large
 * message has come for a while. The first word of a piece says how many still read it; at 0 its owner may write it anew:
 *
 * - a task's piece is read by the task until it is settled (it may run again), and by each worker that has the task, until that
 *   answers it, or the task is taken back by its claim word, or the worker is dead: the engine counts for all of them.
 * - a result's piece is read by the engine, which takes itself off when the result is decoded.
 *
 * Who may die at which step: the owner, before the ring names the piece: nobody else knows of it. The owner, later: its memory
 * stays until those it has started are gone (`self.ts`), and what a dead worker has sent is read before its memory is freed.
 * A worker that reads a task dies: the engine takes it off when it hears of the death. The engine dies while it reads a
 * result: its workers end with it. No step waits for another process, so one that is stopped holds up nobody: where no piece
 * is to be had, the message goes through the ring.
 */
import { ProtocolError, ResourceExhaustedError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';
import { PAGE_BYTES } from '../substrate/layout.js';
import { messagesAreLarge } from '../substrate/message-memory.js';
import { self } from '../substrate/self.js';
import { readF64, writeF64 } from './worker-frames.js';

/** Bytes of what a frame says of a place: where the piece is, its size, how much of it is the message; f64 each. */
export const PLACE_BYTES = 24;
/** Before the message in a piece. */
const HEADER_BYTES = 64;
const MOST_BYTES = 2 ** 25;
const IDLE_MS = 1000;
const KEPT_VIEWS = 64;

interface Piece {
  readonly offset: number;
  readonly bytes: number;
}

/** Where a message lies. */
export interface Place {
  readonly piece: Piece;
  readonly length: number;
}

/** A message of this side that lies in shared memory. */
export interface ShelvedMessage extends Place {
  /** One more reads it. */
  retain(): void;
  /** One less reads it. */
  release(): void;
}

/** The pieces of one sender. */
export interface MessageShelf {
  /** Writes a message, read by one; undefined: there is no piece for it. */
  put(parts: readonly Uint8Array[], length: number): ShelvedMessage | undefined;
  /** Gives all memory back, of messages that are read as soon as they are not. */
  close(): void;
}

/** Makes a shelf: as a function, so that the bundle can load this module when the first large message is sent. */
export function openShelf(): MessageShelf {
  return new Shelf();
}

class Shelf implements MessageShelf {
  #pieces: Piece[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isUsed = false;
  #isClosed = false;

  put(parts: readonly Uint8Array[], length: number): ShelvedMessage | undefined {
    const piece = this.#take(HEADER_BYTES + length);
    if (piece === undefined) return undefined;
    const view = viewOf(piece);
    let at = HEADER_BYTES;
    for (const part of parts) {
      view.set(part, at);
      at += part.length;
    }
    faultPoint('shelf.written');
    Atomics.store(readersOf(piece), 0, 1);
    this.#watch();
    return {
      piece,
      length,
      retain: () => void Atomics.add(readersOf(piece), 0, 1),
      release: () => this.#release(piece),
    };
  }

  #release(piece: Piece): void {
    if (Atomics.sub(readersOf(piece), 0, 1) !== 1) return;
    if (this.#isClosed) this.#trim();
    else this.#watch();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#trim();
  }

  #take(bytes: number): Piece | undefined {
    const found = this.#pieces.find((piece) => piece.bytes >= bytes && piece.bytes <= bytes * 2 && isFree(piece));
    if (found !== undefined) return found;
    const needed = Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
    if (this.#bytes + needed > MOST_BYTES) this.#trim();
    if (this.#bytes + needed > MOST_BYTES) return undefined;
    const piece = allocate(needed);
    if (piece === undefined) return undefined;
    this.#pieces.push(piece);
    this.#bytes += needed;
    return piece;
  }

  /** Gives back what nobody reads. */
  #trim(): void {
    this.#pieces = this.#pieces.filter((piece) => {
      if (!isFree(piece)) return true;
      this.#bytes -= piece.bytes;
      views.delete(piece.offset);
      self().allocator.free(piece);
      return false;
    });
  }

  #watch(): void {
    this.#isUsed = true;
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => this.#look(), IDLE_MS).unref();
  }

  #look(): void {
    if (this.#isUsed) {
      this.#isUsed = false;
      this.#timer?.refresh();
      return;
    }
    this.#timer = undefined;
    this.#trim();
  }
}

/** Says in a frame where a message lies. */
export function writePlace(frame: Uint8Array, at: number, { piece, length }: Place): void {
  writeF64(frame, at, piece.offset);
  writeF64(frame, at + 8, piece.bytes);
  writeF64(frame, at + 16, length);
}

/** The message that a frame names. @throws {ProtocolError} If it can be none. */
export function readPlace(frame: Uint8Array, at: number): Place {
  const [offset, bytes, length] = [readF64(frame, at), readF64(frame, at + 8), readF64(frame, at + 16)];
  const isPiece = Number.isSafeInteger(offset) && offset > 0 && offset % PAGE_BYTES === 0 && offset + bytes <= arena().size;
  if (!isPiece || !(bytes > HEADER_BYTES && bytes <= MOST_BYTES) || !(length >= 0 && length <= bytes - HEADER_BYTES))
    throw new ProtocolError(
      `Cannot read the channel: a message of ${length} bytes at ${offset} of the shared memory is announced`,
    );
  messagesAreLarge(length);
  return { piece: { offset, bytes }, length };
}

/** The bytes of a message, for as long as it is read. */
export function bytesOf({ piece, length }: Place): Uint8Array {
  return viewOf(piece).subarray(HEADER_BYTES, HEADER_BYTES + length);
}

/** The reader of a result has read it. */
export function releaseRead({ piece }: Place): void {
  Atomics.sub(readersOf(piece), 0, 1);
}

function isFree(piece: Piece): boolean {
  return Atomics.load(readersOf(piece), 0) === 0;
}

function readersOf({ offset }: Piece): Int32Array {
  return arena().words(offset, 4);
}

/** Undefined: the memory is needed for what cannot do without. */
function allocate(bytes: number): Piece | undefined {
  const { allocator } = self();
  if (!allocator.hasPlenty) return undefined;
  try {
    return allocator.allocate(bytes, { private: true });
  } catch (error) {
    if (error instanceof ResourceExhaustedError) return undefined;
    throw error;
  }
}

/** The views of the pieces used last are kept, for making them takes long. */
function viewOf({ offset, bytes }: Piece): Uint8Array {
  let view = views.get(offset);
  if (view === undefined || view.length !== bytes) {
    if (views.size >= KEPT_VIEWS) views.delete(views.keys().next().value as number);
    view = new Uint8Array(arena().buffer(offset, bytes));
    views.set(offset, view);
  }
  return view;
}

const views = new Map<number, Uint8Array>();
