/**
 * How a server learns that nobody has an object any more, whoever forgot it last and however that one ended.
 *
 * Runs in every process and thread. Each proxy is a shared object of its own (`managed-handle.ts`), counted over the
 * whole family and in messages on their way, and names a ticket: a word in a chunk that the server owns. When the last
 * holder lets go, or is found dead, the word is set and the server is woken.
 *
 * ```text
 * header word 5   the door, in lines of 64 bytes       6   tickets that came back since the server looked last
 * word 0 …        one word for each ticket: 0 in use or free, 1 came back
 * ```
 *
 * Who may die at which step: between the word and the count, the ticket is found when a client's end makes the server
 * look at all of them. A chunk lives as long as one of its proxies, also without the server.
 */
import { KIND, type SharedKind } from '../sharing/shared-kinds.js';
import { arena } from '../substrate/arena.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { createPiece, FIRST_OWN_WORD, headerAt, releaseCount, retainCount, type SharedPiece } from '../substrate/shared-piece.js';
import { noteForgotten } from './manager-door.js';

const DOOR = FIRST_OWN_WORD;
const BACK: number = FIRST_OWN_WORD + 1;
const TICKETS = 1024;
const CHUNK_BYTES: number = TICKETS * 4;

/** Where a ticket is. */
export interface Ticket {
  /** The chunk. */
  readonly chunk: number;
  readonly index: number;
}

interface Chunk {
  readonly piece: SharedPiece;
  readonly words: Int32Array;
  /** What each ticket stands for. */
  readonly owners: (number | undefined)[];
}

/** The tickets of one server. */
export class Tickets {
  readonly #door: number;
  readonly #chunks: Chunk[] = [];
  readonly #free: { readonly chunk: Chunk; readonly index: number }[] = [];

  constructor(door: number) {
    this.#door = door;
  }

  /** A ticket that comes back as `owner`. */
  take(owner: number): Ticket {
    if (this.#free.length === 0) this.#grow();
    const { chunk, index } = this.#free.pop() as { chunk: Chunk; index: number };
    chunk.owners[index] = owner;
    return { chunk: chunk.piece.offset, index };
  }

  /** The owners of tickets that came back. @param everywhere Also where nothing was counted. */
  *collect(everywhere: boolean): Generator<number> {
    for (const chunk of this.#chunks) {
      if (Atomics.exchange(chunk.piece.header, BACK, 0) === 0 && !everywhere) continue;
      for (let index = 0; index < TICKETS; index++) {
        if (Atomics.load(chunk.words, index) === 0) continue;
        Atomics.store(chunk.words, index, 0);
        const owner = chunk.owners[index];
        chunk.owners[index] = undefined;
        this.#free.push({ chunk, index });
        if (owner !== undefined) yield owner;
      }
    }
  }

  #grow(): void {
    const piece = createPiece(KIND.MANAGER_TICKETS, CHUNK_BYTES);
    Atomics.store(piece.header, DOOR, this.#door / LINE_BYTES);
    retainCount(this.#door);
    const chunk: Chunk = { piece, words: arena().words(piece.body, CHUNK_BYTES), owners: new Array<undefined>(TICKETS) };
    this.#chunks.push(chunk);
    for (let index = TICKETS - 1; index >= 0; index--) this.#free.push({ chunk, index });
  }
}

/** Gives a ticket back. */
export function returnTicket({ chunk, index }: Ticket): void {
  const header = headerAt(chunk);
  Atomics.store(arena().words(chunk + LINE_BYTES, CHUNK_BYTES), index, 1);
  Atomics.add(header, BACK, 1);
  noteForgotten(doorOf(header));
}

function doorOf(header: Int32Array): number {
  return (Atomics.load(header, DOOR) >>> 0) * LINE_BYTES;
}

/** Chunks of tickets: never sent themselves. */
export const ticketsKind: SharedKind = {
  kind: KIND.MANAGER_TICKETS,
  open() {
    throw new TypeError('Cannot open tickets of a manager: only its proxies are sent');
  },
  freed: (_offset, header) => releaseCount(doorOf(header)),
};
