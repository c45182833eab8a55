/**
 * The items of a queue: a chain of segments in shared memory that grows and shrinks, with a lock for each side.
 *
 * Runs in every process and thread: any number of them put and take.
 *
 * ```text
 * byte 0     put lock      byte 64    get lock
 *      128   put side      192        get side      (`side-state.ts`)
 *      256   words: 0 the first segment ever, 1 the segment that was left last, 2 items lost
 *      320   spare segments (`spare-ring.ts`)
 *      448   a cell for each process or thread that takes (`takers.ts`)
 * ```
 *
 * Who may die at which step: both locks are taken over from the dead, for what they protect is whole at every moment: see
 * `put-side.ts` and `take-side.ts`. A taker that dies after it took an item and before its caller has it loses that one item:
 * whoever finds it dead looks whether the item noted in its cell was taken, which the next taker has confirmed, and counts it.
 *
 * What a side remembers of the other one (`side-state.ts`) is true as long as it alone works at its side; there is then at least as much
 * room, or as many items, as it remembers. So a producer and a consumer that keep apart write and read different lines.
 */
import { TimeoutError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { now } from '../substrate/clock.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { LockWord } from '../substrate/lock-word.js';
import { MEMBER_CELLS_BYTES, MemberCells } from '../substrate/member-cells.js';
import type { ParticipantId } from '../substrate/participants.js';
import type { WatchedWord } from '../substrate/spin.js';
import { releaseHolds } from './item-holds.js';
import { PutSide } from './put-side.js';
import { FIRST_POSITION, Segment, unitsOf } from './segment.js';
import { SideState, type Standing } from './side-state.js';
import { SPARE_RING_BYTES, SpareRing } from './spare-ring.js';
import { TakeSide } from './take-side.js';
import { hadInHand, Takers } from './takers.js';

const GET_LOCK: number = LINE_BYTES;
const PUT_SIDE: number = 2 * LINE_BYTES;
const GET_SIDE: number = 3 * LINE_BYTES;
const OWN: number = 4 * LINE_BYTES;
const SPARES: number = 5 * LINE_BYTES;
const TAKERS: number = SPARES + SPARE_RING_BYTES;
const FIRST = 0;
const LEFT = 1;
const LOST = 2;

/** Bytes of zeroed memory that a store needs, beside its segments. */
export const ITEM_STORE_BYTES: number = TAKERS + MEMBER_CELLS_BYTES;

/** How a lock is taken that is held for microseconds, unless its holder is stopped. */
export interface Patience {
  /** Until when to block at most, in milliseconds of `now()`, or for how long; neither: no limit. */
  readonly until?: number | undefined;
  readonly timeoutMs?: number;
  /** What then: a `TimeoutError`, nothing, or a mark by which its release wakes the event loops that wait. */
  readonly otherwise: 'throw' | 'give up' | 'mark';
}

/** An item to be put: `buffer[start..end)`, or parts; and a number that the taker gets. */
export interface OutgoingItem {
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly Uint8Array[] | undefined;
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
  /** Changes with every item that is put, or taken: for whoever waits. */
  readonly putWord: WatchedWord;
  readonly takeWord: WatchedWord;
  readonly #putLock: LockWord;
  readonly #getLock: LockWord;
  readonly #put: SideState;
  readonly #got: SideState;
  readonly #putSide: PutSide;
  readonly #takeSide: TakeSide;
  readonly #takers: Takers;
  readonly #own: Int32Array;
  #released = false;

  constructor(offset: number) {
    this.#putLock = new LockWord(offset, false);
    this.#getLock = new LockWord(offset + GET_LOCK, false);
    this.#own = arena().words(offset + OWN, LINE_BYTES);
    this.#put = new SideState(offset + PUT_SIDE);
    this.#got = new SideState(offset + GET_SIDE);
    this.putWord = this.#put;
    this.takeWord = this.#got;
    this.#takers = new Takers(offset + TAKERS);
    const spares = new SpareRing(arena().words(offset + SPARES, SPARE_RING_BYTES));
    this.#putSide = new PutSide(new SideState(offset + PUT_SIDE), new SideState(offset + GET_SIDE), spares, this.#own);
    this.#takeSide = new TakeSide(
      new SideState(offset + GET_SIDE),
      new SideState(offset + PUT_SIDE),
      spares,
      this.#takers,
      this.#own,
    );
  }

  /** Items inside, exact at some moment of the call. */
  get size(): number {
    this.#refresh();
    return (this.#put.standing.count - this.#got.standing.count) >>> 0;
  }

  /** Bytes inside, with what their headers take. */
  get bytes(): number {
    this.#refresh();
    return ((this.#put.standing.units - this.#got.standing.units) >>> 0) * 8;
  }

  /** Whether this producer left so many bytes inside, or more, unless they were taken since. */
  isAhead(bytes: number): boolean {
    return this.#putSide.isAhead(bytes / 8);
  }

  /** Items that were ever put, modulo 2^32. */
  get putCount(): number {
    this.#put.refresh();
    return this.#put.standing.count;
  }

  /** Items that died with whoever had just taken them. */
  get lost(): number {
    return Atomics.load(this.#own, LOST);
  }

  /**
   * Puts an item behind the others: if it is the first one, or there are fewer than `maxItems` and with it at most `maxBytes`.
   *
   * @returns 'held': somebody else puts at this moment.
   */
  put(item: OutgoingItem, maxItems: number, maxBytes: number, patience: Patience): 'put' | 'refused' | 'held' {
    const held = this.#putLock.tryQuickly() ? 'taken' : take(this.#putLock, patience);
    if (held === undefined) return 'held';
    try {
      if (held === 'taken from dead') this.#putSide.repair();
      return this.#putSide.put(item, maxItems, maxBytes) ? 'put' : 'refused';
    } finally {
      if (this.#putLock.release()) this.#released = true;
    }
  }

  /** Takes the first item; the caller says `delivered` when it has it. */
  take(patience: Patience): TakenItem | 'empty' | 'held' {
    if (this.#takeSide.looksEmpty()) return 'empty';
    const held = this.#getLock.tryQuickly() ? 'taken' : take(this.#getLock, patience);
    if (held === undefined) return 'held';
    try {
      if (held === 'taken from dead') this.#takeSide.repair();
      return this.#takeSide.take() ?? 'empty';
    } finally {
      if (this.#getLock.release()) this.#released = true;
    }
  }

  /** Whether more memory lies spare, as far as this taker knows, than an idle queue is to keep. */
  get sparesMuch(): boolean {
    return this.#takeSide.sparesMuch;
  }

  /** Gives spare memory back, unless somebody puts at this moment. */
  trim(): void {
    if (!this.#putLock.tryQuickly()) return;
    try {
      this.#putSide.trim();
      this.#takeSide.sparesMuch = false;
    } finally {
      if (this.#putLock.release()) this.#released = true;
    }
  }

  /** The item that was taken is where it belongs. */
  delivered(): void {
    this.#takers.delivered();
  }

  /** Takes all items away; how many there were. Only if nobody takes at this moment, or after waiting for them. */
  discard(): number {
    for (let count = 0; ; count++) {
      const item = this.take({ otherwise: 'throw' });
      if (typeof item === 'string') return count;
      releaseHolds(item.buffer, item.length, item.mark);
      this.delivered();
    }
  }

  /** Whether, since it was asked last, a lock was given up that somebody waits for in an event loop. */
  takeReleased(): boolean {
    if (!this.#released) return false;
    this.#released = false;
    return true;
  }

  /** Lets go of the locks; false while this thread holds one. */
  close(): boolean {
    if (this.#putLock.heldHere() || this.#getLock.heldHere()) return false;
    this.#putLock.close();
    this.#getLock.close();
    return true;
  }

  /** Both sides as they stood at one moment: while the first was read, the second had not changed. */
  #refresh(): void {
    do {
      this.#got.refresh();
      this.#put.refresh();
    } while (!this.#got.refresh());
  }
}

/** Counts what a dead taker had in hand. */
export function countLost(dead: ParticipantId, offset: number): void {
  const got = new SideState(offset + GET_SIDE);
  got.refresh();
  if (hadInHand(new MemberCells(offset + TAKERS), dead, got.standing))
    Atomics.add(arena().words(offset + OWN, LINE_BYTES), LOST, 1);
}

/** Frees the segments of a store that nobody holds any more, and lets go of what the items in them name. */
export function freeSegments(offset: number): void {
  const own = arena().words(offset + OWN, LINE_BYTES);
  const [put, got] = [new SideState(offset + PUT_SIDE), new SideState(offset + GET_SIDE)];
  for (const side of [put, got]) side.refresh();
  for (const item of itemsBetween(got.standing, put.standing, Atomics.load(own, FIRST) >>> 0))
    releaseHolds(item.bytes, item.bytes.length, item.mark);
  const ring = new SpareRing(arena().words(offset + SPARES, SPARE_RING_BYTES));
  const lines = new Set([Atomics.load(own, LEFT) >>> 0, ...ring.lines(got.standing.spares, put.standing.spares)]);
  let line = got.standing.segment || Atomics.load(own, FIRST) >>> 0;
  for (; line !== 0; line = new Segment(line).next) lines.add(line);
  lines.delete(0);
  for (const each of lines) new Segment(each).free();
}

/** The items that were put and not taken, as they lie there. */
function* itemsBetween(got: Standing, put: Standing, first: number): Generator<{ bytes: Uint8Array; mark: number }> {
  let line = got.segment || first;
  let position = got.segment === 0 ? FIRST_POSITION : got.position;
  for (let left = (put.count - got.count) >>> 0; left > 0 && line !== 0; left--) {
    let segment = Segment.at(line);
    if (segment.endsAt(position)) {
      line = segment.next;
      segment = Segment.at(line);
      position = FIRST_POSITION;
    }
    const item = segment.look(position);
    yield item;
    position += unitsOf(item.bytes.length);
  }
}

/** Takes a lock in whatever state it is; undefined: it was not to be had. */
function take(lock: LockWord, { until, timeoutMs, otherwise }: Patience): 'taken' | 'taken from dead' | undefined {
  try {
    return lock.recoverSync(until === undefined ? timeoutMs : Math.max(1, until - now())) ? 'taken from dead' : 'taken';
  } catch (error) {
    if (!(error instanceof TimeoutError) || otherwise === 'throw') throw error;
    const answer = otherwise === 'mark' ? lock.tryAcquireOrMark(true) : 'held';
    return answer === 'taken' || answer === 'taken from dead' ? answer : undefined;
  }
}
