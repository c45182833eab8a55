/**
 * The two lanes of a child's log: records below `error` may be dropped, oldest first; those from `error` on never are.
 *
 * Written by the child, read by its parent. A lane begins in a small ring; when that is full for the first time
 * the child allocates a large one, and writes there from then on, so that a child that logs little costs little.
 *
 * ```text
 * byte  word
 * 0     0, 1: where the large ring of the lane lies, in lines of 64 bytes; 0: there is none
 * 64    small ring of records below error, then that of errors
 * ```
 *
 * Who may die at which step: the memory is the child's own and found by a word of its participant's slot, stored when it is whole.
 * A child killed between allocating the large ring and publishing it leaves memory that goes with it. Nothing is written to a
 * small ring once the large one is published, so whoever reads the small one to its end then has missed nothing.
 */
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';
import { LINE_BYTES, SLOT_LOGS } from '../substrate/layout.js';
import { type ParticipantId, slotOf, slotWords } from '../substrate/participants.js';
import { self } from '../substrate/self.js';
import { entryBytes, LOG_RING_HEADER_BYTES, type LogEntry, LogRingReader, LogRingWriter, type TakenEntry } from './log-ring.js';

/** Index of a lane. */
export type Lane = 0 | 1;
export const BELOW_ERROR: Lane = 0;
export const ERRORS: Lane = 1;

const SMALL_CAPACITY: readonly [number, number] = [2 ** 17, 2 ** 16];
const LARGE_CAPACITY = 2 ** 23;
const HEADER_BYTES = LINE_BYTES;
const BYTES: number = HEADER_BYTES + 2 * LOG_RING_HEADER_BYTES + SMALL_CAPACITY[0] + SMALL_CAPACITY[1];

function smallOffset(offset: number, lane: Lane): number {
  return offset + HEADER_BYTES + (lane === BELOW_ERROR ? 0 : LOG_RING_HEADER_BYTES + SMALL_CAPACITY[BELOW_ERROR]);
}

/** Makes the memory of this thread's log and publishes it. @returns Its offset. */
export function makeLog(): number {
  const { allocator, id } = self();
  const { offset } = allocator.allocate(BYTES, { private: true });
  faultPoint('log.beforePublish');
  Atomics.store(slotWords(slotOf(id)), SLOT_LOGS, offset / LINE_BYTES);
  return offset;
}

/** Where the log of a participant lies; 0: it has none. */
export function logOf(id: ParticipantId): number {
  return (Atomics.load(slotWords(slotOf(id)), SLOT_LOGS) >>> 0) * LINE_BYTES;
}

/** The writing end of a lane. */
export class LaneWriter {
  readonly #header: Int32Array;
  readonly #lane: Lane;
  #ring: LogRingWriter;
  #number = 0;
  #grown = false;
  /** The head at which the reader stood for too long. */
  #stuckAt: number | undefined;

  constructor(offset: number, lane: Lane) {
    this.#header = arena().words(offset, HEADER_BYTES);
    this.#lane = lane;
    this.#ring = new LogRingWriter(smallOffset(offset, lane), SMALL_CAPACITY[lane]);
  }

  /**
   * Writes a record, dropping the oldest where there is no room and they may be dropped.
   *
   * @param waitForReader Where they may not: called until there is room; false: the reader has stood still for too long.
   * @returns Whether it is written.
   */
  write(entry: LogEntry, waitForReader: (hasMoved: boolean) => boolean): boolean {
    const mostTextBytes = entry.text.length * 3;
    if (this.#ring.hasRoom(entryBytes(mostTextBytes))) {
      this.#ring.write(entry, this.#number++, mostTextBytes); // nearly always: the bytes need not be counted
      return true;
    }
    const textBytes = Buffer.byteLength(entry.text);
    const size = entryBytes(textBytes);
    if (!this.#ring.hasRoom(size)) this.#grow();
    if (this.#lane === BELOW_ERROR) return this.#writeDropping(entry, textBytes, size);
    if (!this.#ring.canHold(size) || !this.#waited(size, waitForReader)) return false;
    this.#ring.write(entry, this.#number++, textBytes);
    return true;
  }

  #writeDropping(entry: LogEntry, textBytes: number, size: number): boolean {
    const number = this.#number++; // a record that never has room counts as dropped
    if (!this.#ring.canHold(size)) return false;
    if (!this.#ring.hasRoom(size)) this.#ring.dropFor(size, number);
    this.#ring.write(entry, number, textBytes);
    return true;
  }

  #waited(size: number, waitForReader: (hasMoved: boolean) => boolean): boolean {
    let { head } = this.#ring;
    if (this.#stuckAt === head && !this.#ring.hasRoom(size)) return false; // it still stands there
    while (!this.#ring.hasRoom(size)) {
      const hasMoved = this.#ring.head !== head;
      head = this.#ring.head;
      if (waitForReader(hasMoved)) continue;
      this.#stuckAt = head;
      return false;
    }
    this.#stuckAt = undefined;
    return true;
  }

  #grow(): void {
    if (this.#grown) return;
    this.#grown = true;
    let offset: number;
    try {
      ({ offset } = self().allocator.allocate(LOG_RING_HEADER_BYTES + LARGE_CAPACITY, { private: true }));
    } catch {
      return; // no memory: the small one must do
    }
    this.#ring = new LogRingWriter(offset, LARGE_CAPACITY);
    faultPoint('log.beforeGrow');
    Atomics.store(this.#header, this.#lane, offset / LINE_BYTES);
  }
}

/** The reading end of a lane. */
export class LaneReader {
  readonly #header: Int32Array;
  readonly #lane: Lane;
  #ring: LogRingReader;
  #large = false;
  /** Number of the next record; undefined: another process read the ones before. */
  #expected: number | undefined;
  /** Records that were dropped and are not reported yet. */
  #dropped = 0;

  /** @param options.takenOver Another process has read before, and is dead. */
  constructor(offset: number, lane: Lane, options: { readonly takenOver: boolean }) {
    this.#expected = options.takenOver ? undefined : 0;
    this.#header = arena().words(offset, HEADER_BYTES);
    this.#lane = lane;
    this.#ring = new LogRingReader(smallOffset(offset, lane), SMALL_CAPACITY[lane]);
  }

  /** Takes the oldest record. @throws {ProtocolError} If its writer wrote garbage. */
  take(): TakenEntry | undefined {
    const entry = this.#ring.take();
    if (entry === undefined && this.#moveOn()) return this.take();
    if (entry !== undefined) this.#count(entry.number);
    return entry;
  }

  /** Records dropped before the one taken last. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Its writer is dead and all is read: records that it dropped for one that it could not write any more count too. */
  finish(): void {
    if (this.#expected !== undefined && ((this.#ring.promised - this.#expected) | 0) > 0) this.#count(this.#ring.promised);
  }

  #count(number: number): void {
    this.#dropped += (number - (this.#expected ?? number)) >>> 0;
    this.#expected = (number + 1) >>> 0;
  }

  /** Goes on to the large ring when there is one and the small one is read to its end. */
  #moveOn(): boolean {
    if (this.#large) return false;
    const offset = (Atomics.load(this.#header, this.#lane) >>> 0) * LINE_BYTES;
    if (offset === 0) return false;
    if (!this.#ring.empty) return true; // written before the large one was published
    this.#large = true;
    this.#ring = new LogRingReader(offset, LARGE_CAPACITY);
    return true;
  }
}
