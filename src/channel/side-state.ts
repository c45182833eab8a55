/**
 * Where one side of a queue stands, changed as a whole: who dies while changing it has changed nothing.
 *
 * Runs in every process and thread. Whoever changes it holds the lock of that side; anybody may read it.
 *
 * ```text
 * word 0        version; its lowest bit says which copy holds
 *      1 … 6    copy 0: segment, position, version − count, units − position, by, spares
 *      8 … 13   copy 1
 * ```
 *
 * A change writes the other copy, then the version: one store makes it true. A reader that finds the version changed
 * after it has read reads again. Who holds the lock and finds the version that it has made or read itself knows the rest:
 * nobody else has been here (unless exactly 2^32 times). So it writes only those words of a copy that it knows to be others: with
 * an item in the same segment, the position. Who dies while it writes, or gives up, leaves a copy that others believe to know:
 * whoever takes the lock over from the dead makes a change that changes nothing (`repair`), and all of them read again.
 */
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';
import { LINE_BYTES } from '../substrate/layout.js';

const VERSION = 0;
const COPY = [1, 8] as const;
const POSITION = 1;
/** The count is the version less this: both grow by one with each item. */
const COUNT_OFFSET = 2;
/** The units are the position and this: both grow by as much with each item. */
const UNITS_OFFSET = 3;
const BY = 4;
const SPARES = 5;

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
  /** The words as they were written here last; `NaN` where somebody else may have changed them since. */
  readonly #written: Float64Array = new Float64Array(LINE_BYTES / 4).fill(Number.NaN);
  #hasWritten = false;

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

  /** Makes it stand as `standing` says; only with the lock held, after `refresh`. */
  commit(): void {
    const { standing } = this;
    const words = this.#words;
    const written = this.#written;
    this.#hasWritten = true;
    const version = ((this.#version as number) + 1) | 0;
    const at = COPY[(version & 1) as 0 | 1];
    const countOffset = (version - standing.count) | 0;
    const unitsOffset = (standing.units - standing.position) | 0;
    if (written[at] !== (standing.segment | 0)) Atomics.store(words, at, (written[at] = standing.segment | 0));
    Atomics.store(words, at + POSITION, standing.position | 0);
    if (written[at + COUNT_OFFSET] !== countOffset)
      Atomics.store(words, at + COUNT_OFFSET, (written[at + COUNT_OFFSET] = countOffset));
    if (written[at + UNITS_OFFSET] !== unitsOffset)
      Atomics.store(words, at + UNITS_OFFSET, (written[at + UNITS_OFFSET] = unitsOffset));
    if (written[at + BY] !== standing.by) Atomics.store(words, at + BY, (written[at + BY] = standing.by));
    if (written[at + SPARES] !== (standing.spares | 0))
      Atomics.store(words, at + SPARES, (written[at + SPARES] = standing.spares | 0));
    faultPoint('queue.midCommit');
    Atomics.store(words, VERSION, version);
    this.#version = version;
  }

  /** Has everybody read again; only with the lock held, if its last owner died, or gave its change up. */
  repair(): void {
    this.#read();
    this.commit();
  }

  #read(): void {
    const words = this.#words;
    const { standing } = this;
    const written = this.#written;
    // A call of fill takes longer; and who only looks on has written nothing.
    if (this.#hasWritten) for (let word = 0; word < written.length; word++) written[word] = Number.NaN;
    this.#hasWritten = false;
    for (;;) {
      const version = Atomics.load(words, VERSION);
      const at = COPY[(version & 1) as 0 | 1];
      standing.segment = Atomics.load(words, at) >>> 0;
      standing.position = Atomics.load(words, at + POSITION) >>> 0;
      standing.count = (version - Atomics.load(words, at + COUNT_OFFSET)) >>> 0;
      standing.units = (standing.position + Atomics.load(words, at + UNITS_OFFSET)) >>> 0;
      standing.by = Atomics.load(words, at + BY);
      standing.spares = Atomics.load(words, at + SPARES) >>> 0;
      if (Atomics.load(words, VERSION) !== version) continue;
      this.#version = version;
      return;
    }
  }
}
