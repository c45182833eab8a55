/**
 * Where one side of a queue stands, changed as a whole: who dies while changing it has changed nothing.
 *
 * Runs in every process and thread. Whoever changes it holds the lock of that side; anybody may read it.
 *
 * ```text
 * word 0        version; its lowest bit says which copy holds
 *      1 … 6    copy 0
 *      8 … 13   copy 1
 * ```
 *
 * A change writes the other copy, then the version: one store makes it true. A reader that finds the version changed
 * after it has read reads again. Who holds the lock and finds the version that it has made or read itself knows the rest:
 * nobody else has been here (unless exactly 2^32 times).
 */
import { arena } from '../substrate/arena.js';
import { LINE_BYTES } from '../substrate/layout.js';

const VERSION = 0;
const COPY = [1, 8] as const;

/** A position in the chain of segments, and what went past it. */
export interface Standing {
  /** The segment, in lines of 64 bytes from the start of the arena. */
  segment: number;
  /** Units of 8 bytes from the beginning of the segment. */
  position: number;
  /** Items that ever went past, modulo 2^32. */
  count: number;
  /** Units of 8 bytes that these took, modulo 2^32. */
  units: number;
  /** Who made the last change: its cell + 1; 0: nobody. */
  by: number;
  /** Segments that ever went through the ring of spare ones, modulo 2^32. */
  spares: number;
}

export class SideState {
  /** As it was when it was read or changed here last. */
  readonly standing: Standing = { segment: 0, position: 0, count: 0, units: 0, by: 0, spares: 0 };
  readonly offset: number;
  readonly #words: Int32Array;
  #version: number | undefined;

  constructor(offset: number) {
    this.offset = offset;
    this.#words = arena().words(offset, LINE_BYTES);
  }

  /** A number that changes with every change. */
  get version(): number {
    return Atomics.load(this.#words, VERSION);
  }

  /** Brings `standing` up to date; whether it was. */
  refresh(): boolean {
    if (Atomics.load(this.#words, VERSION) === this.#version) return true;
    this.#read();
    return false;
  }

  /** Makes it stand as `standing` says; only with the lock held. */
  commit(): void {
    const { standing } = this;
    const words = this.#words;
    const version = (Atomics.load(words, VERSION) + 1) | 0;
    const at = COPY[version & 1] as number;
    Atomics.store(words, at, standing.segment | 0);
    Atomics.store(words, at + 1, standing.position | 0);
    Atomics.store(words, at + 2, standing.count | 0);
    Atomics.store(words, at + 3, standing.units | 0);
    Atomics.store(words, at + 4, standing.by);
    Atomics.store(words, at + 5, standing.spares | 0);
    Atomics.store(words, VERSION, version);
    this.#version = version;
  }

  /** What is in `standing` was given up: it is read again before it is used. */
  forget(): void {
    this.#version = undefined;
  }

  #read(): void {
    const words = this.#words;
    const { standing } = this;
    for (;;) {
      const version = Atomics.load(words, VERSION);
      const at = COPY[version & 1] as number;
      standing.segment = Atomics.load(words, at) >>> 0;
      standing.position = Atomics.load(words, at + 1) >>> 0;
      standing.count = Atomics.load(words, at + 2) >>> 0;
      standing.units = Atomics.load(words, at + 3) >>> 0;
      standing.by = Atomics.load(words, at + 4);
      standing.spares = Atomics.load(words, at + 5) >>> 0;
      if (Atomics.load(words, VERSION) !== version) continue;
      this.#version = version;
      return;
    }
  }
}
