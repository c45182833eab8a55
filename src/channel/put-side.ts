/**
 * The side of a queue's items where they are put, as whoever holds the put lock sees it.
 *
 * Runs in every process and thread.
 *
 * Who may die at which step. The item is written behind the last one, where nobody looks; one change of the side's state says that
 * it is there. A new segment is linked to the last one before that change: whoever comes next finds a link that leads
 * nowhere yet. If it is to a spare segment, that one is still in the ring, and the link is made anew; else it was
 * made for the item that never came, and is used or freed.
 */
import { now } from '../substrate/clock.js';
import { faultPoint } from '../substrate/fault.js';
import { spinWhile } from '../substrate/spin.js';
import type { OutgoingItem } from './item-store.js';
import { FIRST_POSITION, Segment, unitsOf } from './segment.js';
import type { SideState, Standing } from './side-state.js';
import type { SpareRing } from './spare-ring.js';

export class PutSide {
  readonly #state: SideState;
  /** Where the takers stand, or stood: there is at least as much room as it says. */
  readonly #taken: SideState;
  readonly #spares: SpareRing;
  readonly #first: Int32Array;
  #last: Segment | undefined;
  /** How often it has not been waited for a spare segment, and is not to be, since that was in vain. */
  #skipped = 0;
  #vain = 0;

  /** @param first The word of the first segment ever. */
  constructor(state: SideState, taken: SideState, spares: SpareRing, first: Int32Array) {
    this.#state = state;
    this.#taken = taken;
    this.#spares = spares;
    this.#first = first;
  }

  /** Puts an item behind the others, if it is the first one or there is room for it. */
  put(item: OutgoingItem, maxItems: number, maxBytes: number): boolean {
    if (!this.#state.refresh()) this.#taken.refresh();
    const units = unitsOf(item.bytes);
    if (!this.#allows(item, maxItems, maxBytes)) {
      if (this.#taken.refresh() || !this.#allows(item, maxItems, maxBytes)) return false;
    }
    try {
      this.#append(item, units);
      return true;
    } catch (error) {
      this.#state.forget();
      throw error;
    }
  }

  #allows({ bytes }: OutgoingItem, maxItems: number, maxBytes: number): boolean {
    const { count, units } = this.#state.standing;
    const taken = this.#taken.standing;
    const items = (count - taken.count) >>> 0;
    return items === 0 || (items < maxItems && ((units - taken.units) >>> 0) * 8 + bytes <= maxBytes);
  }

  #append(item: OutgoingItem, units: number): void {
    const { standing } = this.#state;
    let segment = this.#last;
    if (segment?.line !== standing.segment || !segment.isCurrent || !segment.hasRoom(units, standing.position))
      segment = this.#roomFor(units, standing);
    if (segment.end !== 0) segment.end = 0; // set by somebody who died before he moved on
    faultPoint('queue.beforeWrite');
    segment.write(standing.position, item);
    standing.position += units;
    standing.count = (standing.count + 1) >>> 0;
    standing.units = (standing.units + units) >>> 0;
    faultPoint('queue.beforeCommit');
    this.#state.commit();
    faultPoint('queue.afterCommit');
  }

  /** The segment for the next item; moves the standing to it. */
  #roomFor(units: number, standing: Standing): Segment {
    if (standing.segment === 0) return this.#moveOn(this.#firstSegment(units), standing);
    const segment = Segment.at(standing.segment);
    if (segment.hasRoom(units, standing.position)) return (this.#last = segment);
    const next = this.#linkedBefore(segment, units, standing) ?? this.#spare(units, standing) ?? Segment.create(units);
    segment.next = next.line;
    faultPoint('queue.afterLink');
    segment.end = standing.position;
    return this.#moveOn(next, standing);
  }

  #moveOn(segment: Segment, standing: Standing): Segment {
    standing.segment = segment.line;
    standing.position = FIRST_POSITION;
    this.#last = segment;
    return segment;
  }

  /** The very first segment: noted where takers begin. */
  #firstSegment(units: number): Segment {
    const noted = Atomics.load(this.#first, 0) >>> 0;
    let segment = noted === 0 ? undefined : Segment.at(noted);
    if (segment?.hasRoom(units) === false) {
      segment.free();
      segment = undefined;
    }
    segment ??= Segment.create(units);
    Atomics.store(this.#first, 0, segment.line | 0);
    return segment;
  }

  /** What somebody who died has linked, unless it is a spare one that he had not taken yet. */
  #linkedBefore(segment: Segment, units: number, standing: Standing): Segment | undefined {
    const linked = segment.next;
    if (linked === 0) return undefined;
    this.#taken.refresh();
    const isSpare = [...this.#spares.lines(this.#taken.standing.spares, standing.spares)].includes(linked);
    if (!isSpare && Segment.at(linked).hasRoom(units)) return Segment.at(linked);
    segment.next = 0;
    if (!isSpare) Segment.at(linked).free();
    return undefined;
  }

  /** The next spare segment that is long enough; shorter ones before it go. */
  #spare(units: number, standing: Standing): Segment | undefined {
    const seen = this.#taken.standing.count;
    this.#taken.refresh();
    if (units >= LONG_UNITS && this.#taken.standing.count !== seen) this.#awaitSpare(standing);
    const given = this.#taken.standing.spares;
    while (standing.spares !== given) {
      const segment = Segment.at(this.#spares.line(standing.spares));
      standing.spares = (standing.spares + 1) >>> 0;
      if (segment.hasRoom(units)) {
        segment.clear();
        return segment;
      }
      this.#state.commit();
      segment.free();
    }
    return undefined;
  }

  /**
   * Somebody is taking items at this moment, so a long segment is about to come back: to wait for it, awake and not long, costs
   * less than a new one, whose pages have to be cleared and mapped here and there.
   */
  #awaitSpare(standing: Standing): void {
    if (this.#taken.standing.spares !== standing.spares || this.#skipped++ < this.#vain) return;
    this.#skipped = 0;
    const deadline = now() + AWAIT_SPARE_MS;
    do {
      spinWhile(this.#taken.offset, this.#taken.version, AWAIT_SPARE_MS * 1e3);
      this.#taken.refresh();
      if (this.#taken.standing.spares === standing.spares) continue;
      this.#vain = 0;
      return;
    } while (now() < deadline);
    this.#vain = Math.min(MOST_SKIPPED, this.#vain * 2 + 1);
  }
}

/** Of 256 KiB. */
const LONG_UNITS = 2 ** 15;
/** As long as making a segment of a megabyte takes. */
const AWAIT_SPARE_MS = 0.6;
/** So often nobody waits after it was in vain. */
const MOST_SKIPPED = 31;
