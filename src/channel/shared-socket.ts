/**
 * What processes share that have the same end of a socket connection, since one of them has sent it to another.
 *
 * Runs in every process and thread that has such an end. Each has a descriptor of its own; the connection is open until all of
 * them are closed, and the one that the family keeps for those to whom it is sent next (`kept-descriptors.ts`), which goes
 * with the last holder of the piece.
 *
 * ```text
 * header word 5, 6   longest message, low and high half        7   1: the other end takes bytes only
 *             8 … 10   what the first one had read and not used, which comes first (`leftover.ts`)
 *             11, 12   whether somebody is within a message that he sends, or receives (`turns.ts`)
 * body               turns to send, then turns to receive
 * ```
 */
import { KIND } from '../sharing/shared-kinds.js';
import { dropDescriptor, keepDescriptor, takeDescriptor } from '../substrate/kept-descriptors.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { createPiece, FIRST_OWN_WORD, type SharedPiece } from '../substrate/shared-piece.js';
import { SocketHandle } from '../substrate/socket-handle.js';
import { Leftover } from './leftover.js';
import { Turns, TURNS_BYTES, wakeTurns } from './turns.js';

const LIMIT_LOW = FIRST_OWN_WORD;
const LIMIT_HIGH: number = FIRST_OWN_WORD + 1;
const BYTES_ONLY: number = FIRST_OWN_WORD + 2;
const LEFTOVER: number = FIRST_OWN_WORD + 3;
const SENDING: number = FIRST_OWN_WORD + 6;
const RECEIVING: number = FIRST_OWN_WORD + 7;

/** What all ends agree on. */
export interface SharedSocketOptions {
  readonly maxMessageBytes: number;
  readonly bytesOnly: boolean;
}

export class SharedSocket {
  readonly piece: SharedPiece;
  readonly sending: Turns;
  readonly receiving: Turns;
  /** Only who has the turn to receive reads of it. */
  readonly rest: Leftover;

  constructor(piece: SharedPiece) {
    this.piece = piece;
    this.sending = new Turns(piece.body, piece.header, SENDING);
    this.receiving = new Turns(piece.body + TURNS_BYTES, piece.header, RECEIVING);
    this.rest = new Leftover(piece.header.subarray(LEFTOVER));
  }

  /**
   * Shares a connection.
   *
   * @param rest What was read of it and not used.
   * @throws {SystemError|ResourceExhaustedError} If its descriptor cannot be kept, or there is no memory; nothing is left then.
   */
  static share(handle: SocketHandle, { maxMessageBytes, bytesOnly }: SharedSocketOptions, rest: Uint8Array): SharedSocket {
    const piece = createPiece(KIND.SOCKET, 2 * TURNS_BYTES);
    try {
      const { header } = piece;
      Atomics.store(header, LIMIT_LOW, maxMessageBytes | 0);
      Atomics.store(header, LIMIT_HIGH, Math.floor(maxMessageBytes / 2 ** 32));
      Atomics.store(header, BYTES_ONLY, bytesOnly ? 1 : 0);
      new Leftover(header.subarray(LEFTOVER)).put(rest);
      keepDescriptor(piece.offset, handle.fd);
      return new SharedSocket(piece);
    } catch (error) {
      piece.release();
      throw error;
    }
  }

  get options(): SharedSocketOptions {
    const { header } = this.piece;
    return {
      maxMessageBytes: Atomics.load(header, LIMIT_HIGH) * 2 ** 32 + (Atomics.load(header, LIMIT_LOW) >>> 0),
      bytesOnly: Atomics.load(header, BYTES_ONLY) !== 0,
    };
  }

  /** A descriptor of this thread. @throws {SystemError|ResourceExhaustedError} */
  openHandle(): SocketHandle {
    return new SocketHandle(takeDescriptor(this.piece.offset));
  }
}

/** Somebody who had such an end died: whoever waits for his turn looks again. */
export function sharedSocketDied(offset: number): void {
  for (const turns of [0, TURNS_BYTES]) wakeTurns(offset + LINE_BYTES + turns);
}

/** Nobody has the end any more. */
export function sharedSocketFreed(offset: number, header: Int32Array): void {
  dropDescriptor(offset);
  new Leftover(header.subarray(LEFTOVER)).free();
}
