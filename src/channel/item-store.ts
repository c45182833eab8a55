/**
 * The items of a queue: a chain of segments in shared memory that grows and shrinks, with a lock for each side.
 *
 * Runs in every process and thread: any number of them put and take.
 *
 * ```text
 * byte 0     put lock      byte 64    get lock
 *      128   put side      192        get side      (`side-state.ts`)
 *      256   words: 0 a spare segment, 1 the segment that was left last, 2 items lost, 3 the first segment ever
 *      320   a cell for each process or thread that takes (`takers.ts`)
 * ```
 *
 * Who may die at which step. Both locks are taken over from the dead, for what they protect is whole at every
 * moment. **Put**: the item is written behind the last one, then one store says that it is there. A new segment is
 * linked first; whoever comes next finds it linked. **Take**: the taker notes in its cell which item it is about to
 * take, copies it, and one store says that it is gone; when the caller has it, the note goes. Whoever finds a taker
 * dead looks whether the noted item was taken, which the next taker has confirmed, and counts it as lost.
 * A segment that was left is freed after the store; a taker killed in between leaves its number for the next one.
 */
import { TimeoutError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { LockWord } from '../substrate/lock-word.js';
import { MEMBER_CELLS_BYTES, MemberCells } from '../substrate/member-cells.js';
import type { ParticipantId } from '../substrate/participants.js';
import { FIRST_POSITION, Segment, unitsOf } from './segment.js';
import { newStanding, SideState, type Standing } from './side-state.js';
import { hadInHand, Takers } from './takers.js';

const GET_LOCK: number = LINE_BYTES;
const PUT_SIDE: number = 2 * LINE_BYTES;
const GET_SIDE: number = 3 * LINE_BYTES;
const OWN: number = 4 * LINE_BYTES;
const TAKERS: number = 5 * LINE_BYTES;
const SPARE = 0;
const LEFT = 1;
const LOST = 2;
const FIRST = 3;

/** Bytes of zeroed memory that a store needs, beside its segments. */
export const ITEM_STORE_BYTES: number = TAKERS + MEMBER_CELLS_BYTES;

/** How a lock is taken that is held for microseconds, unless its holder is stopped. */
export interface Patience {
  /** Milliseconds to block at most; undefined: no limit. */
  readonly timeoutMs: number | undefined;
  /** What then: a `TimeoutError`, nothing, or a mark by which its release wakes the event loops that wait. */
  readonly otherwise: 'throw' | 'give up' | 'mark';
}

/** An item to be put: its bytes in parts, and a number that the taker gets. */
export interface OutgoingItem {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly mark: number;
}

/** An item taken: `buffer[0..length)`. */
export interface TakenItem {
  readonly buffer: Uint8Array;
  readonly length: number;
  readonly mark: number;
  /** Whether the bytes are the item's alone; else they are overwritten by the next one. */
  readonly owned: boolean;
}

export class ItemStore {
  readonly #putLock: LockWord;
  readonly #getLock: LockWord;
  readonly #putSide: SideState;
  readonly #getSide: SideState;
  readonly #own: Int32Array;
  readonly #takers: Takers;
  readonly #put: Standing = newStanding();
  readonly #get: Standing = newStanding();
  readonly #other: Standing = newStanding();
  #last: Segment | undefined;
  #first: Segment | undefined;

  constructor(offset: number) {
    this.#putLock = new LockWord(offset);
    this.#getLock = new LockWord(offset + GET_LOCK);
    this.#putSide = new SideState(offset + PUT_SIDE);
    this.#getSide = new SideState(offset + GET_SIDE);
    this.#own = arena().words(offset + OWN, LINE_BYTES);
    this.#takers = new Takers(offset + TAKERS);
  }

  /** Items inside, exact at some moment of the call. */
  get size(): number {
    const got = this.#getSide.read(this.#other).count;
    return (this.#putSide.read(this.#other).count - got) >>> 0;
  }

  /** Bytes inside, with what their headers take. */
  get bytes(): number {
    const got = this.#getSide.read(this.#other).units;
    return ((this.#putSide.read(this.#other).units - got) >>> 0) * 8;
  }

  /** Items that were ever put, modulo 2^32. */
  get putCount(): number {
    return this.#putSide.read(this.#other).count;
  }

  /** Items that died with whoever had just taken them. */
  get lost(): number {
    return Atomics.load(this.#own, LOST);
  }

  /**
   * Puts an item behind the others.
   *
   * @param mayPut Asked with the lock held, with what is inside: false refuses.
   * @returns 'held': somebody else puts at this moment.
   */
  put(item: OutgoingItem, mayPut: (items: number, bytes: number) => boolean, patience: Patience): 'put' | 'refused' | 'held' {
    if (!take(this.#putLock, patience)) return 'held';
    try {
      const standing = this.#putSide.read(this.#put);
      const got = this.#getSide.read(this.#other);
      if (!mayPut((standing.count - got.count) >>> 0, ((standing.units - got.units) >>> 0) * 8)) return 'refused';
      this.#append(item, standing);
      return 'put';
    } finally {
      this.#released ||= this.#putLock.release();
    }
  }

  /** Takes the first item; the caller says `delivered` when it has it. */
  take(patience: Patience): TakenItem | 'empty' | 'held' {
    if (!take(this.#getLock, patience)) return 'held';
    try {
      const standing = this.#getSide.read(this.#get);
      const put = this.#putSide.read(this.#other);
      if (put.count === standing.count) return 'empty';
      return this.#remove(standing, put);
    } finally {
      this.#released ||= this.#getLock.release();
    }
  }

  /** The item that was taken is where it belongs. */
  delivered(): void {
    this.#takers.delivered();
  }

  /** Takes all items away; how many there were. Only if nobody takes at this moment, or after waiting for them. */
  discard(): number {
    for (let count = 0; ; count++) {
      const item = this.take({ timeoutMs: undefined, otherwise: 'throw' });
      if (typeof item === 'string') return count;
      this.delivered();
    }
  }

  /** Whether, since it was asked last, a lock was given up that somebody waits for in an event loop. */
  takeReleased(): boolean {
    const released = this.#released;
    this.#released = false;
    return released;
  }

  /** Lets go of the locks; false while this thread holds one. */
  close(): boolean {
    if (this.#putLock.heldHere() || this.#getLock.heldHere()) return false;
    this.#putLock.close();
    this.#getLock.close();
    return true;
  }

  #released = false;

  #append(item: OutgoingItem, standing: Standing): void {
    const units = unitsOf(item.bytes);
    const segment = this.#roomFor(units, standing);
    faultPoint('queue.beforeWrite');
    segment.write(standing.position, item.mark, item.parts, item.bytes);
    standing.position += units;
    standing.count = (standing.count + 1) >>> 0;
    standing.units = (standing.units + units) >>> 0;
    faultPoint('queue.beforeCommit');
    this.#putSide.write(standing);
    faultPoint('queue.afterCommit');
  }

  /** The segment for the next item; moves the standing to it. */
  #roomFor(units: number, standing: Standing): Segment {
    if (standing.segment === 0) return this.#moveOn(this.#firstSegment(units), standing);
    const segment = (this.#last = segmentAt(standing.segment, this.#last));
    if (standing.position + units <= segment.units) {
      if (segment.end !== 0) segment.end = 0; // set by somebody who died before he moved on
      return segment;
    }
    const linked = segment.next;
    let next = linked === 0 ? this.#newSegment(units) : new Segment(linked);
    if (FIRST_POSITION + units > next.units) {
      next.free(); // linked by somebody who died, for a smaller item
      next = Segment.create(units);
    }
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
    const noted = Atomics.load(this.#own, FIRST) >>> 0;
    let segment = noted === 0 ? undefined : new Segment(noted);
    if (segment !== undefined && FIRST_POSITION + units > segment.units) {
      segment.free();
      segment = undefined;
    }
    segment ??= Segment.create(units);
    Atomics.store(this.#own, FIRST, segment.line | 0);
    return segment;
  }

  #newSegment(units: number): Segment {
    const spare = Atomics.exchange(this.#own, SPARE, 0) >>> 0;
    if (spare === 0) return Segment.create(units);
    const segment = new Segment(spare);
    segment.clear();
    return segment;
  }

  #remove(standing: Standing, put: Standing): TakenItem {
    this.#freeLeft(standing.segment);
    const segment = this.#segmentToRead(standing);
    const item = copyOf(segment, standing.position);
    const units = unitsOf(item.length);
    this.#takers.begin(standing);
    standing.position += units;
    standing.count = (standing.count + 1) >>> 0;
    standing.units = (standing.units + units) >>> 0;
    standing.by = this.#takers.mark;
    faultPoint('queue.beforeTake');
    this.#getSide.write(standing);
    faultPoint('queue.afterTake');
    // Nothing more inside: a reader that stays in the last segment frees what it left before.
    if (put.count === standing.count) this.#freeLeft(standing.segment);
    return item;
  }

  /** The segment of the next item; moves the standing on where the present one ends. */
  #segmentToRead(standing: Standing): Segment {
    if (standing.segment === 0) {
      standing.segment = Atomics.load(this.#own, FIRST) >>> 0;
      standing.position = FIRST_POSITION;
    }
    this.#first = segmentAt(standing.segment, this.#first);
    if (standing.position !== this.#first.end) return this.#first;
    Atomics.store(this.#own, LEFT, standing.segment | 0);
    this.#first = new Segment(this.#first.next);
    standing.segment = this.#first.line;
    standing.position = FIRST_POSITION;
    return this.#first;
  }

  /** Frees the segment that was left, if the store that left it was made. */
  #freeLeft(present: number): void {
    const left = Atomics.load(this.#own, LEFT) >>> 0;
    if (left === 0) return;
    Atomics.store(this.#own, LEFT, 0);
    if (left === present) return; // its taker died before that store
    const segment = new Segment(left);
    if (segment.isUsual && Atomics.compareExchange(this.#own, SPARE, 0, left | 0) === 0) return;
    segment.free();
  }
}

/** Counts what a dead taker had in hand. */
export function countLost(dead: ParticipantId, offset: number): void {
  const standing = new SideState(offset + GET_SIDE).read(newStanding());
  if (hadInHand(new MemberCells(offset + TAKERS), dead, standing)) Atomics.add(arena().words(offset + OWN, LINE_BYTES), LOST, 1);
}

/** Frees the segments of a store that nobody holds any more. */
export function freeSegments(offset: number): void {
  const own = arena().words(offset + OWN, LINE_BYTES);
  const first = new SideState(offset + GET_SIDE).read(newStanding()).segment || Atomics.load(own, FIRST) >>> 0;
  const left = Atomics.load(own, LEFT) >>> 0;
  const loose = new Set([Atomics.load(own, SPARE) >>> 0, left === first ? 0 : left]);
  for (const line of loose) if (line !== 0) new Segment(line).free();
  for (let line = first; line !== 0; ) {
    const segment = new Segment(line);
    line = segment.next;
    segment.free();
  }
}

/** Copies an item: a small one into memory that all of them share. */
function copyOf(segment: Segment, position: number): TakenItem {
  const length = segment.bytesAt(position);
  const owned = length > scratch.length;
  const buffer = owned ? newBytes(length) : scratch;
  segment.copyTo(buffer, position, length);
  return { buffer, length, mark: segment.markAt(position), owned };
}

/** Memory that is about to be overwritten: zeroing it would cost as much as filling it. */
function newBytes(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

const scratch = new Uint8Array(16_384);

function segmentAt(line: number, known: Segment | undefined): Segment {
  return known?.line === line && known.isCurrent ? known : new Segment(line);
}

function take(lock: LockWord, { timeoutMs, otherwise }: Patience): boolean {
  try {
    lock.recoverSync(timeoutMs);
    return true;
  } catch (error) {
    if (!(error instanceof TimeoutError) || otherwise === 'throw') throw error;
    return otherwise === 'mark' && lock.tryAcquireOrMark(true) !== 'held';
  }
}
