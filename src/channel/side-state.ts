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
 * after it has read reads again.
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
}

export class SideState {
  readonly #words: Int32Array;

  constructor(offset: number) {
    this.#words = arena().words(offset, LINE_BYTES);
  }

  /** Copies how it stands into `into`, for whoever holds the lock or not. */
  read(into: Standing): Standing {
    const words = this.#words;
    for (;;) {
      const version = Atomics.load(words, VERSION);
      const at = COPY[version & 1] as number;
      into.segment = Atomics.load(words, at) >>> 0;
      into.position = Atomics.load(words, at + 1) >>> 0;
      into.count = Atomics.load(words, at + 2) >>> 0;
      into.units = Atomics.load(words, at + 3) >>> 0;
      into.by = Atomics.load(words, at + 4);
      if (Atomics.load(words, VERSION) === version) return into;
    }
  }

  /** Makes it stand so; only with the lock held. */
  write(standing: Standing): void {
    const words = this.#words;
    const version = Atomics.load(words, VERSION) + 1;
    const at = COPY[version & 1] as number;
    Atomics.store(words, at, standing.segment | 0);
    Atomics.store(words, at + 1, standing.position | 0);
    Atomics.store(words, at + 2, standing.count | 0);
    Atomics.store(words, at + 3, standing.units | 0);
    Atomics.store(words, at + 4, standing.by);
    Atomics.store(words, VERSION, version | 0);
  }
}

/** A standing to read into. */
export function newStanding(): Standing {
  return { segment: 0, position: 0, count: 0, units: 0, by: 0 };
}
