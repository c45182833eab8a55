/**
 * One lane of a child's records: a ring in shared memory whose only writer never waits for its reader, but drops the oldest.
 *
 * Written by the child, read by its parent, or by an ancestor when the parent is dead. Not the ring of the substrate:
 * there only the consumer moves the head, so a full ring could only block its producer.
 *
 * ```text
 * byte  word
 * 0     tail: bytes ever written, modulo 2^32; the writer's commit word
 * 4     promised: number of the record for which older ones were dropped last
 * 64    head: bytes ever taken or dropped, modulo 2^32; moved by compare-exchange, by either side
 * 128   data, a power of two
 * record: i32 size | u32 number | u32 order | i32 bytes of text | f64 time | i32 flags | – | text, padded to 8 bytes
 *         a negative size is padding: a record never wraps
 * ```
 *
 * | step | who dies | what the others see |
 * |---|---|---|
 * | before the store of `tail` | the writer | nothing of the record; older ones that it dropped are counted by `promised` |
 * | after it | the writer | the whole record |
 * | between copying a record and moving `head` | the reader | the record is still there for the next reader |
 * | after moving `head` | the reader | the one record in its hand is gone with it |
 *
 * A record that the writer drops while it is copied is torn in the copy; its reader finds `head` moved and
 * throws the copy away. (It would be fooled if exactly 4 GiB were written meanwhile.)
 */
import { ProtocolError } from '../errors.js';
import { arena } from '../substrate/arena.js';
import { faultPoint } from '../substrate/fault.js';

export const LOG_RING_HEADER_BYTES = 128;

const TAIL = 0;
const PROMISED = 1;
const HEAD = 16;
const RECORD_HEADER_BYTES = 32;

/** A record on its way. */
export interface LogEntry {
  /** Monotonic milliseconds, the same clock in all processes. */
  readonly time: number;
  /** Counts the records of a child, over both lanes. */
  readonly order: number;
  readonly flags: number;
  readonly text: string;
}

export interface TakenEntry extends LogEntry {
  /** Counts the records of the lane: a gap was dropped. */
  readonly number: number;
}

/** Bytes that a text takes in a ring. */
export function entryBytes(textBytes: number): number {
  return RECORD_HEADER_BYTES + ((textBytes + 7) & ~7);
}

class RingMemory {
  readonly words: Int32Array;
  readonly data: Int32Array;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly mask: number;

  constructor(offset: number, capacity: number) {
    const buffer = arena().buffer(offset, LOG_RING_HEADER_BYTES + capacity);
    this.words = new Int32Array(buffer, 0, LOG_RING_HEADER_BYTES / 4);
    this.data = new Int32Array(buffer, LOG_RING_HEADER_BYTES, capacity / 4);
    this.bytes = Buffer.from(buffer, LOG_RING_HEADER_BYTES, capacity);
    this.view = new DataView(buffer, LOG_RING_HEADER_BYTES, capacity);
    this.mask = capacity - 1;
  }

  get head(): number {
    return Atomics.load(this.words, HEAD) >>> 0;
  }

  /** Moves the head over a record. False: the other side was first. */
  pass(head: number, size: number): boolean {
    return Atomics.compareExchange(this.words, HEAD, head | 0, (head + size) | 0) === (head | 0);
  }
}

/** The writing end. */
export class LogRingWriter {
  readonly #ring: RingMemory;
  #tail: number;

  constructor(offset: number, capacity: number) {
    this.#ring = new RingMemory(offset, capacity);
    this.#tail = Atomics.load(this.#ring.words, TAIL) >>> 0;
  }

  /** Bytes ever taken or dropped: whether somebody reads. */
  get head(): number {
    return this.#ring.head;
  }

  /** Whether a record of so many bytes can ever have room. */
  canHold(size: number): boolean {
    return size <= (this.#ring.mask + 1) / 2;
  }

  hasRoom(size: number): boolean {
    return this.#padding(size) >= 0;
  }

  /** Drops the oldest records until there is room for that with this number. */
  dropFor(size: number, number: number): void {
    const ring = this.#ring;
    Atomics.store(ring.words, PROMISED, number);
    faultPoint('log.beforeDrop');
    while (this.#padding(size) < 0) {
      const { head } = ring;
      const first = ring.data[(head & ring.mask) >> 2] as number;
      ring.pass(head, Math.abs(first)); // or the reader has taken it
    }
    faultPoint('log.afterDrop');
  }

  /**
   * Writes a record for which there is room.
   *
   * @param mostTextBytes What its text takes at most.
   */
  write(entry: LogEntry, number: number, mostTextBytes: number): void {
    const { data, view, bytes, words, mask } = this.#ring;
    const padding = this.#padding(entryBytes(mostTextBytes));
    if (padding > 0) {
      data[(this.#tail & mask) >> 2] = -padding;
      this.#tail = (this.#tail + padding) >>> 0;
    }
    const at = this.#tail & mask;
    const textBytes = bytes.write(entry.text, at + RECORD_HEADER_BYTES, mostTextBytes, 'utf8');
    const size = entryBytes(textBytes);
    data[at >> 2] = size;
    data[(at >> 2) + 1] = number;
    data[(at >> 2) + 2] = entry.order;
    data[(at >> 2) + 3] = textBytes;
    view.setFloat64(at + 16, entry.time, true);
    data[(at >> 2) + 6] = entry.flags;
    faultPoint('log.beforeCommit');
    this.#tail = (this.#tail + size) >>> 0;
    Atomics.store(words, TAIL, this.#tail | 0);
    faultPoint('log.afterCommit');
  }

  /** Bytes to skip before the end so that a record does not wrap; −1: there is no room. */
  #padding(size: number): number {
    const { mask } = this.#ring;
    const toEnd = mask + 1 - (this.#tail & mask);
    const padding = size > toEnd ? toEnd : 0;
    return mask + 1 - ((this.#tail - this.#ring.head) >>> 0) >= size + padding ? padding : -1;
  }
}

/** The reading end. */
export class LogRingReader {
  readonly #ring: RingMemory;

  constructor(offset: number, capacity: number) {
    this.#ring = new RingMemory(offset, capacity);
  }

  /** The number of the record for which others were dropped last. */
  get promised(): number {
    return Atomics.load(this.#ring.words, PROMISED) >>> 0;
  }

  /** Whether nothing is in it. */
  get empty(): boolean {
    return Atomics.load(this.#ring.words, TAIL) === Atomics.load(this.#ring.words, HEAD);
  }

  /**
   * Takes the oldest record.
   *
   * @throws {ProtocolError} If the bytes are no record: the ring is unusable then.
   */
  take(): TakenEntry | undefined {
    const ring = this.#ring;
    for (;;) {
      const { head } = ring;
      const unread = ((Atomics.load(ring.words, TAIL) >>> 0) - head) >>> 0;
      if (unread === 0) return undefined;
      const at = head & ring.mask;
      const first = ring.data[at >> 2] as number;
      const size = Math.abs(first);
      const textBytes = first >= RECORD_HEADER_BYTES ? (ring.data[(at >> 2) + 3] as number) : 0;
      const whole = size >= 8 && (size & 7) === 0 && size <= unread && at + size <= ring.mask + 1 && unread <= ring.mask + 1;
      const fits = first < 0 || (size >= RECORD_HEADER_BYTES && textBytes >= 0 && entryBytes(textBytes) === size);
      if (!whole || !fits) {
        if (ring.head !== head) continue; // dropped while it was looked at
        throw new ProtocolError(`Cannot read the log of a child: a record of ${first} bytes lies at ${at}; it wrote garbage`);
      }
      const entry = first < 0 ? undefined : this.#copy(at, textBytes);
      faultPoint('log.beforeTake');
      if (ring.pass(head, size) && entry !== undefined) return entry;
    }
  }

  #copy(at: number, textBytes: number): TakenEntry {
    const { data, view, bytes } = this.#ring;
    return {
      number: (data[(at >> 2) + 1] as number) >>> 0,
      order: (data[(at >> 2) + 2] as number) >>> 0,
      time: view.getFloat64(at + 16, true),
      flags: data[(at >> 2) + 6] as number,
      text: bytes.toString('utf8', at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + textBytes),
    };
  }
}
