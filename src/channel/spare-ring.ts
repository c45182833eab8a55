/**
 * The segments that takers have left and that producers use again: no page is cleared or mapped anew for the next item.
 *
 * Runs in every process and thread. Two counters, of segments ever given and ever taken, are part of the states of the two sides
 * (`side-state.ts`): so a segment goes into the ring in the same moment in which the takers have left it, and out of it in
 * the moment in which the producers have moved on to it. Who dies before that moment has changed nothing; what it wrote
 * into a slot behind the last one that was given is not read. A slot is two words, the segment's line and its units: who gives
 * one looks at no other segment, for the producers may take and free those at any moment.
 */
import type { Segment } from './segment.js';

const SPARE_SLOTS = 16;
/** Bytes of the ring. */
export const SPARE_RING_BYTES: number = SPARE_SLOTS * 8;
/** What is more goes back to the machine. */
const MOST_UNITS: number = (2 ** 27 + 2 ** 20) / 8;
/** What is more does so when the queue is idle (`spare-trim.ts`). */
const MOST_IDLE_UNITS: number = (2 ** 24 + 2 ** 20) / 8;

export class SpareRing {
  readonly #words: Int32Array;

  /** @param words Of `SPARE_RING_BYTES`. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Whether a segment may be given; with the get lock held. */
  accepts(segment: Segment, given: number, taken: number): boolean {
    return (given - taken) >>> 0 < SPARE_SLOTS && segment.units + this.#units(given, taken) <= MOST_UNITS;
  }

  /** Whether more lies in it than an idle queue is to keep. */
  isMuch(given: number, taken: number): boolean {
    return this.#units(given, taken) > MOST_IDLE_UNITS;
  }

  /** The line of a segment in the ring. */
  line(number: number): number {
    return Atomics.load(this.#words, slotOf(number)) >>> 0;
  }

  /** Writes the next one to be given. */
  write(number: number, { line, units }: Segment): void {
    const slot = slotOf(number);
    Atomics.store(this.#words, slot, line | 0);
    Atomics.store(this.#words, slot + 1, units);
  }

  #units(given: number, taken: number): number {
    let units = 0;
    for (let number = taken; number !== given; number = (number + 1) >>> 0)
      units += Atomics.load(this.#words, slotOf(number) + 1) >>> 0;
    return units;
  }

  /** All that are inside. */
  *lines(given: number, taken: number): Generator<number> {
    for (let number = taken; number !== given; number = (number + 1) >>> 0) yield this.line(number);
  }
}

function slotOf(number: number): number {
  return (number % SPARE_SLOTS) * 2;
}
