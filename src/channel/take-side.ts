/**
 * The side of a queue's items where they are taken, as whoever holds the get lock sees it.
 *
 * Runs in every process and thread.
 *
 * Who may die at which step. The item is copied and noted as being in hand (`takers.ts`); one change of the side's state says
 * that it is gone. Where the taker leaves a segment, the same change gives it to the ring of spare ones. If the ring is full, its
 * line is written down first and freed after the change: who finds it there frees it if the change was made. Only who
 * dies within freeing loses a segment of memory.
 */
import { faultPoint } from '../substrate/fault.js';
import type { TakenItem } from './item-store.js';
import { FIRST_POSITION, Segment, unitsOf } from './segment.js';
import type { SideState, Standing } from './side-state.js';
import type { SpareRing } from './spare-ring.js';
import type { Takers } from './takers.js';

const FIRST = 0;
const LEFT = 1;

export class TakeSide {
  readonly #state: SideState;
  /** Where the producers stand, or stood: what it says to be there is there. */
  readonly #put: SideState;
  readonly #spares: SpareRing;
  readonly #takers: Takers;
  readonly #words: Int32Array;
  #first: Segment | undefined;
  #hasLeft = false;
  /** Whether, when this taker gave a spare segment last, more of them lay there than an idle queue is to keep. */
  sparesMuch = false;

  /** @param words The first segment ever, and the one that was left last. */
  constructor(state: SideState, put: SideState, spares: SpareRing, takers: Takers, words: Int32Array) {
    this.#state = state;
    this.#put = put;
    this.#spares = spares;
    this.#takers = takers;
    this.#words = words;
  }

  /** Whether nothing is there; does not need the lock. False: there was something lately. */
  looksEmpty(): boolean {
    // What this taker remembers of its side may be old: if even then nothing had been put since, there is nothing.
    const { count } = this.#state.standing;
    if (this.#put.standing.count !== count) return false;
    this.#put.refresh();
    return this.#put.standing.count === count;
  }

  /** Takes the first item. */
  take(): TakenItem | undefined {
    const isCurrent = this.#state.refresh();
    const { standing } = this.#state;
    if (!isCurrent) this.#first = undefined;
    if (!isCurrent || this.#put.standing.count === standing.count) {
      this.#put.refresh();
      if (this.#put.standing.count === standing.count) return undefined;
    }
    try {
      return this.#remove(standing);
    } catch (error) {
      this.repair();
      throw error;
    }
  }

  /** After an error, or the death of somebody who took. */
  repair(): void {
    this.#state.repair();
    this.#put.refresh(); // what it says to be there is there only if it is not older than the state of this side
    this.#first = undefined;
  }

  #remove(standing: Standing): TakenItem {
    const segment = this.#segmentToRead(standing);
    const item = segment.read(standing.position);
    const units = unitsOf(item.length);
    standing.by = this.#takers.begin(standing);
    standing.position += units;
    standing.count = (standing.count + 1) >>> 0;
    standing.units = (standing.units + units) >>> 0;
    faultPoint('queue.beforeTake');
    this.#state.commit();
    faultPoint('queue.afterTake');
    if (this.#hasLeft) this.#freeLeft(standing.segment);
    return item;
  }

  /** The segment of the next item; moves the standing on where the present one ends. */
  #segmentToRead(standing: Standing): Segment {
    if (standing.segment === 0) {
      standing.segment = Atomics.load(this.#words, FIRST) >>> 0;
      standing.position = FIRST_POSITION;
    }
    let segment = this.#first ?? Segment.at(standing.segment);
    if (segment.endsAt(standing.position)) segment = this.#moveOn(segment, standing);
    return (this.#first = segment);
  }

  #moveOn(segment: Segment, standing: Standing): Segment {
    this.#freeLeft(segment.line);
    this.#put.refresh();
    if (this.#spares.accepts(segment, standing.spares, this.#put.standing.spares)) {
      this.#spares.write(standing.spares, segment);
      standing.spares = (standing.spares + 1) >>> 0;
      this.sparesMuch = this.#spares.isMuch(standing.spares, this.#put.standing.spares);
    } else {
      Atomics.store(this.#words, LEFT, segment.line | 0);
      this.#hasLeft = true;
    }
    standing.segment = segment.next;
    standing.position = FIRST_POSITION;
    return Segment.at(standing.segment);
  }

  /** Frees the segment that was left, if the change that left it was made. */
  #freeLeft(present: number): void {
    this.#hasLeft = false;
    const left = Atomics.load(this.#words, LEFT) >>> 0;
    if (left === 0) return;
    Atomics.store(this.#words, LEFT, 0);
    faultPoint('queue.beforeFree');
    if (left !== present) Segment.at(left).free();
  }
}
