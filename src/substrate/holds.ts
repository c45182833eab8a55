/**
 * Who holds which shared object: each participant lists its holds in shared memory, so that whoever finds it
 * dead can let go of them in its place.
 *
 * Runs in every process and thread. The list is a chain of chunks that begins in the participant's slot:
 *
 * ```text
 * word 0      the next chunk, in lines of 64 bytes; 0: none
 * word 1      not used
 * word 2 …    held objects, in lines of 64 bytes; 0: free
 * ```
 *
 * Who may die at which step: a hold is counted in the object before it is listed, and taken off the list before it
 * is given back. A participant killed in between leaves one object that is never freed (its memory goes with the
 * family's), never one that is freed while somebody uses it; there is room in the list before the count is raised, so that
 * is within some instructions. The same holds for whoever reclaims.
 */
import type { Allocator } from './allocator.js';
import { arena } from './arena.js';
import { LINE_BYTES, SLOT_HOLDS } from './layout.js';
import { type ParticipantId, slotOf, slotWords } from './participants.js';

/** The holds of this thread. */
export class Holds {
  readonly #slot: Int32Array;
  readonly #allocator: Allocator;
  readonly #chunks: Int32Array[] = [];
  readonly #free: number[] = [];

  constructor(id: ParticipantId, allocator: Allocator) {
    this.#slot = slotWords(slotOf(id));
    this.#allocator = allocator;
  }

  /** Sees to it that the next `add` is one store. */
  makeRoom(): void {
    if (this.#free.length === 0) this.#grow();
  }

  /** Lists an object whose count was raised before; the number undoes it. */
  add(offset: number): number {
    this.makeRoom();
    const entry = this.#free.pop() as number;
    Atomics.store(this.#chunkOf(entry), entry % CHUNK_WORDS, offset / LINE_BYTES);
    return entry;
  }

  /** Takes an object off the list; its count is lowered afterwards. */
  remove(entry: number): void {
    Atomics.store(this.#chunkOf(entry), entry % CHUNK_WORDS, 0);
    this.#free.push(entry);
  }

  #chunkOf(entry: number): Int32Array {
    return this.#chunks[Math.floor(entry / CHUNK_WORDS)] as Int32Array;
  }

  #grow(): void {
    const { offset } = this.#allocator.allocate(CHUNK_BYTES);
    const chunk = arena().words(offset, CHUNK_BYTES);
    const last = this.#chunks.at(-1);
    if (last === undefined) Atomics.store(this.#slot, SLOT_HOLDS, offset / LINE_BYTES);
    else Atomics.store(last, NEXT, offset / LINE_BYTES);
    const first = this.#chunks.length * CHUNK_WORDS;
    for (let word = CHUNK_WORDS - 1; word >= FIRST_ENTRY; word--) this.#free.push(first + word);
    this.#chunks.push(chunk);
  }
}

/** Offsets of the objects that a dead participant held, one for each hold, taken off its list as they are given. */
export function* holdsOf(dead: ParticipantId): Generator<number> {
  for (const chunk of chunksOf(dead)) {
    for (let word = FIRST_ENTRY; word < CHUNK_WORDS; word++) {
      const line = Atomics.exchange(chunk, word, 0) >>> 0;
      if (line !== 0) yield line * LINE_BYTES;
    }
  }
}

/** Offsets of the objects that a dead participant holds; the list stays. */
export function* peekHoldsOf(dead: ParticipantId): Generator<number> {
  for (const chunk of chunksOf(dead)) {
    for (let word = FIRST_ENTRY; word < CHUNK_WORDS; word++) {
      const line = Atomics.load(chunk, word) >>> 0;
      if (line !== 0) yield line * LINE_BYTES;
    }
  }
}

/** Frees the list itself. */
export function freeHoldsList(dead: ParticipantId, allocator: Allocator): void {
  const chunks = [...chunksOf(dead)];
  let line = Atomics.exchange(slotWords(slotOf(dead)), SLOT_HOLDS, 0) >>> 0;
  for (const chunk of chunks) {
    const next = Atomics.load(chunk, NEXT) >>> 0;
    allocator.free({ offset: line * LINE_BYTES, bytes: CHUNK_BYTES });
    line = next;
  }
}

function* chunksOf(id: ParticipantId): Generator<Int32Array> {
  let line = Atomics.load(slotWords(slotOf(id)), SLOT_HOLDS) >>> 0;
  for (let left = MOST_CHUNKS; left > 0 && line !== 0; left--) {
    const chunk = arena().words(line * LINE_BYTES, CHUNK_BYTES);
    yield chunk;
    line = Atomics.load(chunk, NEXT) >>> 0;
  }
}

const CHUNK_BYTES = 4096;
const CHUNK_WORDS = CHUNK_BYTES / 4;
const NEXT = 0;
const FIRST_ENTRY = 2;
/** A million lists of a chunk each: more than the arena has room for. */
const MOST_CHUNKS = 2 ** 20;
