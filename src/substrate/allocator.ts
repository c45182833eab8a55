/**
 * Hands out pieces of the arena. No lock anywhere: a stopped or killed process can never stall another.
 *
 * Runs in every process and thread. The arena is cut into **extents**; a participant owns the extents it
 * allocates from and is the only one that allocates there, anybody may free. An extent's first page is its
 * page table, a word per 64 KiB page: 0 free, else a **run** of n pages or a **slab** page of equal small
 * pieces with a bitmap.
 *
 * Who may die at which step: each change is committed by one atomic store (a page word, a bitmap bit, an
 * extent's owner word), and memory is reserved before that store. A process killed before the store has
 * changed nothing (reserved pages of a free run are given back when its extent is reclaimed), killed after
 * it leaves a whole allocation with a dead owner. `reclaim` frees what only the dead used; what others may
 * still use stays, and its extent is adopted by the next participant in need (compare-exchange of the owner).
 */
import { ResourceExhaustedError } from '../errors.js';
import { type Arena, arena } from './arena.js';
import { EXTENT_ENTRY_BYTES, EXTENTS_MAX, EXTENTS_OFFSET, PAGE_BYTES } from './layout.js';
import { claimedBy, isEntered, isProcessAlive, type ParticipantId } from './participants.js';
import { faultPoint } from './fault.js';
import { giveToSlab, isUnusedSlab, takeFromSlab } from './slab.js';

/** A piece of the arena. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
}

const RUN = 0x80000000 | 0;
const SLAB = 0x40000000;
/** Used by its owner and the owner's descendants only: may go when the owner is dead. */
const PRIVATE = 0x20000000;
const LENGTH_MASK = 0xffff;

const SMALLEST_SHIFT = 6;
const LARGEST_SMALL = 4096;
const RESERVE_UNIT = 4096;
const PLENTY_BYTES = 2 ** 30;

/** Entry words of an extent: owner + 1 (0: free), and a number of following extents that belong to it. */
const EXTENT_OWNER = 0;
const EXTENT_FOLLOWERS = 1;
/** Owner word of an extent that belongs to the one before it. */
const FOLLOWER = -1;

export class Allocator {
  readonly #owner: ParticipantId;
  readonly #arena: Arena = arena();
  readonly #extents: Int32Array = arena().words(EXTENTS_OFFSET, EXTENTS_MAX * EXTENT_ENTRY_BYTES);
  readonly #extentBytes: number = 2 ** this.#arena.extentShift;
  readonly #owned: number[] = [];
  /** The slab page that last had room, per size class. */
  readonly #hints = new Map<number, number>();

  constructor(owner: ParticipantId) {
    this.#owner = owner;
  }

  /**
   * Takes `bytes` of zeroed memory, 64-byte aligned (64 KiB where it is above 4096 bytes).
   *
   * @param options.private Only this participant and its descendants use it.
   * @throws {ResourceExhaustedError} If the arena or the machine has no room (`ENOSPC`, `ENOMEM`).
   */
  allocate(bytes: number, options?: { private?: boolean }): Piece {
    if (!(bytes > 0) || !Number.isSafeInteger(bytes))
      throw new RangeError(`Cannot allocate shared memory: size must be a positive integer of bytes, received ${bytes}`);
    const offset = bytes <= LARGEST_SMALL ? this.#allocateSmall(bytes) : this.#allocateRun(bytes, options?.private === true);
    return { offset, bytes };
  }

  /** Gives a piece back; whose it is does not matter. The caller knows that nobody uses it any more. */
  free(piece: Piece): void {
    const extent = Math.floor(piece.offset / this.#extentBytes);
    const base = extent * this.#extentBytes;
    const page = Math.floor((piece.offset - base) / PAGE_BYTES);
    if (page === 0) return this.#freeExtents(extent);
    const table = this.#table(extent);
    const entry = Atomics.load(table, page);
    if ((entry & SLAB) !== 0 && (entry & RUN) === 0)
      return this.#freeSmall(base + page * PAGE_BYTES, piece.offset, entry & LENGTH_MASK);
    this.#arena.discard(piece.offset, roundUp(piece.bytes, RESERVE_UNIT));
    faultPoint('arena.beforeFree');
    Atomics.store(table, page, 0);
  }

  /** Whether at least half of a large arena is nobody's: others may be more in need of the rest. */
  get hasPlenty(): boolean {
    const { size, extentCount } = this.#arena;
    if (size < PLENTY_BYTES) return false;
    let taken = 0;
    for (let extent = 1; extent < extentCount; extent++)
      if (Atomics.load(this.#extents, extent * 2 + EXTENT_OWNER) !== 0) taken++;
    return taken < extentCount / 2;
  }

  /** Frees what a dead participant kept for itself, and its extents that are empty then. */
  reclaim(dead: ParticipantId): void {
    for (let extent = 1; extent < this.#arena.extentCount; extent++) {
      if (Atomics.load(this.#extents, extent * 2 + EXTENT_OWNER) !== dead + 1) continue;
      if (Atomics.load(this.#extents, extent * 2 + EXTENT_FOLLOWERS) > 0) continue;
      if (Atomics.compareExchange(this.#extents, extent * 2 + EXTENT_OWNER, dead + 1, this.#owner + 1) !== dead + 1) continue;
      if (this.#freePrivate(extent)) this.#freeExtents(extent);
      else Atomics.store(this.#extents, extent * 2 + EXTENT_OWNER, dead + 1); // for whoever is in need of one
    }
  }

  /** Frees the private runs and the unused slabs of an extent taken over from the dead; whether it is empty then. */
  #freePrivate(extent: number): boolean {
    const base = extent * this.#extentBytes;
    const table = this.#table(extent);
    let empty = true;
    for (let page = 1; page < this.#pages; ) {
      const entry = Atomics.load(table, page);
      const length = (entry & RUN) !== 0 ? entry & LENGTH_MASK : 1;
      const offset = base + page * PAGE_BYTES;
      const isUnused = (entry & RUN) !== 0 ? (entry & PRIVATE) !== 0 : (entry & SLAB) !== 0 && isUnusedSlab(this.#arena, offset);
      if (isUnused) {
        this.#arena.discard(offset, length * PAGE_BYTES);
        Atomics.store(table, page, 0);
      } else if (entry !== 0) {
        empty = false;
      }
      page += length;
    }
    return empty;
  }

  get #pages(): number {
    return this.#extentBytes / PAGE_BYTES;
  }

  #table(extent: number): Int32Array {
    return this.#arena.words(extent * this.#extentBytes, this.#pages * 4);
  }

  #allocateRun(bytes: number, isPrivate: boolean): number {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    if (pages > this.#pages - 1) return this.#allocateExtents(bytes);
    const { extent, page } = this.#roomFor(pages, bytes);
    const offset = extent * this.#extentBytes + page * PAGE_BYTES;
    this.#arena.reserve(offset, roundUp(bytes, RESERVE_UNIT));
    faultPoint('arena.beforeCommit');
    Atomics.store(this.#table(extent), page, RUN | (isPrivate ? PRIVATE : 0) | pages);
    return offset;
  }

  /** Free pages in a row, in an extent of its own or else in one that it takes. */
  #roomFor(pages: number, bytes: number): { readonly extent: number; readonly page: number } {
    for (const extent of this.#owned) {
      const page = this.#findRun(extent, pages);
      if (page !== 0) return { extent, page };
    }
    for (;;) {
      const extent = this.#acquireExtent(bytes);
      const page = this.#findRun(extent, pages);
      if (page !== 0) return { extent, page }; // what the dead leave may be in use: then the next one
    }
  }

  #findRun(extent: number, pages: number): number {
    const table = this.#table(extent);
    let free = 0;
    for (let page = 1; page < this.#pages; ) {
      const entry = Atomics.load(table, page);
      if (entry === 0) {
        free++;
        if (free === pages) return page - pages + 1;
        page++;
      } else {
        free = 0;
        page += (entry & RUN) !== 0 ? entry & LENGTH_MASK : 1;
      }
    }
    return 0;
  }

  #allocateSmall(bytes: number): number {
    const shift = Math.max(SMALLEST_SHIFT, Math.ceil(Math.log2(bytes)));
    const hint = this.#hints.get(shift);
    if (hint !== undefined) {
      const offset = takeFromSlab(this.#arena, hint, shift);
      if (offset !== 0) return offset;
    }
    for (const extent of this.#owned) {
      const table = this.#table(extent);
      for (let page = 1; page < this.#pages; ) {
        const entry = Atomics.load(table, page);
        const base = extent * this.#extentBytes + page * PAGE_BYTES;
        if (entry === (SLAB | shift)) {
          const offset = takeFromSlab(this.#arena, base, shift);
          if (offset !== 0) {
            this.#hints.set(shift, base);
            return offset;
          }
        }
        page += (entry & RUN) !== 0 ? entry & LENGTH_MASK : 1;
      }
    }
    const base = this.#makeSlab(shift);
    this.#hints.set(shift, base);
    return takeFromSlab(this.#arena, base, shift);
  }

  #makeSlab(shift: number): number {
    const { extent, page } = this.#roomFor(1, PAGE_BYTES);
    const base = extent * this.#extentBytes + page * PAGE_BYTES;
    this.#arena.discard(base, PAGE_BYTES);
    this.#arena.reserve(base, PAGE_BYTES);
    Atomics.store(this.#table(extent), page, SLAB | shift);
    return base;
  }

  #freeSmall(base: number, offset: number, shift: number): void {
    giveToSlab(this.#arena, base, offset, shift);
    this.#hints.set(shift, base);
    if (!this.#owned.includes(Math.floor(base / this.#extentBytes))) this.#hints.delete(shift);
  }

  /** Takes a free extent, or one whose owner is dead and whose remains others may still use. @throws If there is none. */
  #acquireExtent(bytes: number): number {
    for (let extent = 1; extent < this.#arena.extentCount; extent++) {
      const owner = Atomics.load(this.#extents, extent * 2 + EXTENT_OWNER);
      const free = owner === 0;
      const orphaned =
        owner > 0 &&
        owner !== this.#owner + 1 &&
        Atomics.load(this.#extents, extent * 2 + EXTENT_FOLLOWERS) === 0 &&
        !isEntered(owner - 1);
      if (!free && !orphaned) continue;
      if (Atomics.compareExchange(this.#extents, extent * 2 + EXTENT_OWNER, owner, this.#owner + 1) !== owner) continue;
      try {
        this.#arena.reserve(extent * this.#extentBytes, roundUp(this.#pages * 4, RESERVE_UNIT));
      } catch (error) {
        Atomics.store(this.#extents, extent * 2 + EXTENT_OWNER, owner);
        throw error;
      }
      if (orphaned && !claimedBy(owner - 1).some(isProcessAlive)) this.#freePrivate(extent);
      this.#owned.push(extent);
      return extent;
    }
    throw this.#full(bytes);
  }

  /** What is larger than an extent gets whole ones in a row. */
  #allocateExtents(bytes: number): number {
    const needed = Math.ceil((bytes + PAGE_BYTES) / this.#extentBytes);
    for (let first = 1; first + needed <= this.#arena.extentCount; first++) {
      let taken = 0;
      while (
        taken < needed &&
        Atomics.compareExchange(this.#extents, (first + taken) * 2 + EXTENT_OWNER, 0, this.#owner + 1) === 0
      )
        taken++;
      if (taken < needed) {
        for (let i = 0; i < taken; i++) Atomics.store(this.#extents, (first + i) * 2 + EXTENT_OWNER, 0);
        first += taken;
        continue;
      }
      const offset = first * this.#extentBytes;
      try {
        this.#arena.reserve(offset, roundUp(bytes, RESERVE_UNIT));
      } catch (error) {
        for (let i = 0; i < needed; i++) Atomics.store(this.#extents, (first + i) * 2 + EXTENT_OWNER, 0);
        throw error;
      }
      Atomics.store(this.#extents, first * 2 + EXTENT_FOLLOWERS, needed);
      for (let i = 1; i < needed; i++) Atomics.store(this.#extents, (first + i) * 2 + EXTENT_OWNER, FOLLOWER);
      return offset;
    }
    throw this.#full(bytes);
  }

  #freeExtents(first: number): void {
    const followers = Math.max(1, Atomics.load(this.#extents, first * 2 + EXTENT_FOLLOWERS));
    this.#arena.discard(first * this.#extentBytes, followers * this.#extentBytes);
    Atomics.store(this.#extents, first * 2 + EXTENT_FOLLOWERS, 0);
    for (let i = followers - 1; i >= 0; i--) Atomics.store(this.#extents, (first + i) * 2 + EXTENT_OWNER, 0);
  }

  #full(bytes: number): ResourceExhaustedError {
    return new ResourceExhaustedError(
      `Cannot allocate ${bytes} bytes of shared memory: the arena of ${this.#arena.size} bytes is full; free shared objects, or start the first process with a larger MULTIPROC_ARENA_BYTES`,
      { code: 'ENOSPC', errno: 28, syscall: 'allocate' },
    );
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
