/**
 * The side of a queue's items where they are put, as whoever holds the put lock sees it.
 *
 * Runs in every process and thread.
 *
 * Who may die at which step. The item is written behind the last one, where nobody looks; one change of the side's state says that
 * it is there. A new segment is linked to the last one before that change: whoever comes next finds a link that leads
 * nowhere yet, or a mark where he writes his item. If it is to a spare segment, that one is still in the ring, and the link is made anew; else it was
 * made for the item that never came, and is used or freed.
 */
import { faultPoint } from '../substrate/fault.js';
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

  /** @param first The word of the first segment ever. */
  constructor(state: SideState, taken: SideState, spares: SpareRing, first: Int32Array) {
    this.#state = state;
    this.#taken = taken;
    this.#spares = spares;
    this.#first = first;
  }

  /** Puts an item behind the others, if it is the first one or there is room for it. */
  put(item: OutgoingItem, maxItems: number, maxBytes: number): boolean {
    if (!this.#state.refresh()) {
      this.#last = undefined;
      this.#taken.refresh();
    }
    const units = unitsOf(item.bytes);
    if (!this.#allows(item, maxItems, maxBytes)) {
      if (this.#taken.refresh() || !this.#allows(item, maxItems, maxBytes)) return false;
    }
    try {
      this.#append(item, units);
      return true;
    } catch (error) {
      this.repair();
      throw error;
    }
  }

  /** Whether so many units are inside, as far as this producer knows. */
  isAhead(units: number): boolean {
    if (this.#unitsInside() < units) return false;
    this.#taken.refresh();
    return this.#unitsInside() >= units;
  }

  /** At most; less than 0 where takers were seen to have what others have put since. */
  #unitsInside(): number {
    return (this.#state.standing.units - this.#taken.standing.units) | 0;
  }

  /** After an error, or the death of somebody who put. */
  repair(): void {
    this.#state.repair();
    this.#taken.refresh();
    this.#last = undefined;
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
    if (segment === undefined || !segment.hasRoom(units, standing.position)) segment = this.#roomFor(units, standing);
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
    const next = this.#linkedBefore(segment, units, standing) ?? this.#spare(units, standing) ?? this.#create(units, standing);
    segment.next = next.line;
    faultPoint('queue.afterLink');
    segment.endAt(standing.position);
    return this.#moveOn(next, standing);
  }

  #create(units: number, standing: Standing): Segment {
    return Segment.create(units, this.#backlogBytes(standing));
  }

  #backlogBytes(standing: Standing): number {
    return ((standing.units - this.#taken.standing.units) >>> 0) * 8;
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
    segment ??= Segment.create(units, 0);
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

  /** The next spare segment that is long enough; shorter ones before it go, for the ring has few places. */
  #spare(units: number, standing: Standing): Segment | undefined {
    this.#taken.refresh();
    const backlog = this.#backlogBytes(standing);
    for (let segment = this.#nextSpare(standing); segment !== undefined; segment = this.#nextSpare(standing)) {
      if (segment.hasRoom(units) && !segment.isShortFor(backlog)) {
        segment.next = 0;
        return segment;
      }
      this.#state.commit();
      segment.free();
    }
    return undefined;
  }

  /** Gives spare segments back, the oldest first, until no more than an idle queue keeps are left. */
  trim(): void {
    if (!this.#state.refresh()) this.#last = undefined;
    this.#taken.refresh();
    const { standing } = this.#state;
    while (this.#spares.isMuch(this.#taken.standing.spares, standing.spares)) {
      const segment = this.#nextSpare(standing) as Segment;
      this.#state.commit();
      faultPoint('queue.midTrim');
      segment.free();
    }
  }

  #nextSpare(standing: Standing): Segment | undefined {
    if (standing.spares === this.#taken.standing.spares) return undefined;
    const segment = Segment.at(this.#spares.line(standing.spares));
    standing.spares = (standing.spares + 1) >>> 0;
    return segment;
  }
}
