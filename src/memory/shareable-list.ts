/**
 * A list of fixed length in named shared memory, in the layout of Python's `ShareableList`.
 *
 * Runs in every process and thread.
 *
 * ```text
 * int64              count of items, n
 * int64 × (n + 1)    where each item begins, from the start of the data on; the last: where the data ends
 * data               8 bytes each, little-endian; texts and bytes have a multiple of 8 bytes, NULs behind them
 * 8 bytes × n        the format of each item: `q` int64, `d` double, `xxxxxxx?` boolean, `xxxxxx?x` null, `16s` 16 bytes
 * 1 byte × n         0 as it is, 1 text in UTF-8, 2 bytes, 3 null
 * ```
 *
 * Items change in several steps: who reads while another process writes, or after it died writing, may see a mixture.
 */
import { inspect } from 'node:util';
import { ProtocolError } from '../errors.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { showAs } from '../sharing/inspection.js';
import { deserialize, serialize } from '../wire/class-hooks.js';
import { explainRefusal } from '../wire/refusal.js';
import { checkWellFormed } from './elements.js';
import { SharedMemory } from './shared-memory.js';

/** What a list can have. A number without fraction is stored as an integer; one beyond 2^53 is read as a `bigint`. */
export type Shareable = number | bigint | boolean | string | Uint8Array | null;

interface Packed {
  readonly format: string;
  readonly kind: number;
  /** Of a text or bytes. */
  readonly bytes?: Uint8Array;
  readonly write: (data: DataView, at: number) => void;
}

const AS_IS = 0;
const TEXT = 1;
const BYTES = 2;
const NULL = 3;
const INT64_END = 2n ** 63n;

/**
 * A list of fixed length in shared memory.
 *
 * - A text or bytes may be replaced by ones that fit where the first was; those that end with NUL are refused, since
 *   the NULs would be lost.
 * - Changes are not single steps: several processes that write need a lock.
 * - `shm` is the memory: `list.shm.close()` and `list.shm.unlink()`. Sent to another process it is opened by its name.
 *
 * @param sequence The items of a new list. Without it, the list of that name is opened.
 * @throws {TypeError|RangeError} If an item is none of the types, an integer has more than 64 bits, or a text is no Unicode.
 * @throws {SystemError} `EEXIST` or `ENOENT`, if the name is there or not.
 * @python `multiprocessing.shared_memory.ShareableList`, in the same layout; either opens the lists of the other.
 */
export class ShareableList implements Iterable<Shareable> {
  static {
    showAs(ShareableList, (list) => ({ shm: list.shm, items: list.#data.buffer.byteLength === 0 ? undefined : [...list] }));
  }

  /** Where the list lies. */
  readonly shm: SharedMemory;
  readonly #length: number;
  readonly #data: DataView;

  constructor(sequence?: Iterable<Shareable>, options: { readonly name?: string | undefined } = {}) {
    checkOptionsObject('Cannot create a list', options);
    const { name } = options;
    const isNew = sequence !== undefined || name === undefined;
    if (isNew) checkIterable(sequence ?? []);
    const items = isNew ? [...(sequence ?? [])].map((item, index) => pack(item, `create a list with this [${index}]`)) : [];
    this.shm = isNew ? new SharedMemory({ name, create: true, size: bytesOf(items) }) : new SharedMemory({ name });
    this.#data = new DataView(this.shm.buffer);
    if (isNew) writeList(this.#data, items);
    this.#length = checkedLength(this.#data, this.shm.name);
  }

  get length(): number {
    return this.#length;
  }

  /** An item, counted from the end if `index` is negative; undefined beyond. @throws {ClosedError} After `shm.close()`. */
  at(index: number): Shareable | undefined {
    const place = this.#place(index);
    return place === undefined ? undefined : this.#read(place);
  }

  /**
   * Replaces an item.
   *
   * @throws {RangeError} If there is no such place, or not enough room for it.
   * @throws {TypeError} If it is none of the types.
   */
  set(index: number, item: Shareable): void {
    void this.shm.buffer;
    const place = this.#place(index);
    if (place === undefined)
      throw new RangeError(`Cannot set an item: the list has ${this.#length}, received the index ${index}`);
    const { format, kind, bytes, write } = pack(item, `set the item ${place}`);
    const [start, end] = this.#bounds(place);
    const room = end - start;
    if (bytes !== undefined && bytes.length > room)
      throw new RangeError(`Cannot set the item ${place}: there is room for ${room} bytes, received ${bytes.length}`);
    new Uint8Array(this.#data.buffer, start, room).fill(0);
    write(this.#data, start);
    writeText(this.#data, this.#formats + place * 8, bytes === undefined ? format : `${room}s`);
    this.#data.setInt8(this.#kinds + place, kind);
  }

  /** How many items are equal to this one. */
  count(item: Shareable): number {
    return [...this].filter((each) => isSame(each, item)).length;
  }

  /** Where the first equal item is; −1 if there is none. */
  indexOf(item: Shareable): number {
    return [...this].findIndex((each) => isSame(each, item));
  }

  /** The formats of all items, as Python's `struct` writes them. */
  get format(): string {
    return Array.from({ length: this.#length }, (_, index) => this.#formatAt(index)).join('');
  }

  *[Symbol.iterator](): IterableIterator<Shareable> {
    for (let index = 0; index < this.#length; index++) yield this.#read(index);
  }

  #place(index: number): number | undefined {
    const place = index < 0 ? index + this.#length : index;
    return Number.isInteger(place) && place >= 0 && place < this.#length ? place : undefined;
  }

  #read(place: number): Shareable {
    void this.shm.buffer;
    const [start, end] = this.#bounds(place);
    const kind = this.#data.getInt8(this.#kinds + place);
    if (kind === NULL) return null;
    if (kind === TEXT || kind === BYTES) {
      const bytes = trimmed(new Uint8Array(this.#data.buffer, start, end - start));
      return kind === TEXT ? new TextDecoder().decode(bytes) : bytes;
    }
    const format = this.#formatAt(place);
    if (format === 'd') return this.#data.getFloat64(start, true);
    if (format.endsWith('?')) return this.#data.getUint8(start + format.length - 1) !== 0;
    const integer = this.#data.getBigInt64(start, true);
    return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
  }

  #formatAt(place: number): string {
    return new TextDecoder().decode(trimmed(new Uint8Array(this.#data.buffer, this.#formats + place * 8, 8)));
  }

  get #formats(): number {
    return this.#bounds(this.#length)[0];
  }

  get #kinds(): number {
    return this.#formats + this.#length * 8;
  }

  /** Where an item begins, and where the next one does. @throws {ProtocolError} If somebody scribbled over it. */
  #bounds(place: number): [number, number] {
    const first = (this.#length + 2) * 8;
    const start = first + Number(this.#data.getBigInt64((place + 1) * 8, true));
    const end = place === this.#length ? start : first + Number(this.#data.getBigInt64((place + 2) * 8, true));
    if (start >= first && end >= start && end + this.#length * 9 <= this.#data.byteLength) return [start, end];
    throw new ProtocolError(`Cannot read the list '${this.shm.name}': its memory is not that of a list`);
  }
}

explainRefusal(
  (value) => value instanceof ShareableList,
  'it lies in memory of this machine; send shm.name, and open that there with new ShareableList(undefined, { name }), or send [...value]',
);
// Sent by its name.
Object.assign(ShareableList, {
  [serialize]: ({ shm }: ShareableList) => shm.name,
  [deserialize]: (name: string) => new ShareableList(undefined, { name }),
});

function bytesOf(items: readonly Packed[]): number {
  return (items.length + 2) * 8 + items.reduce((sum, { format }) => sum + slotBytes(format), 0) + items.length * 9;
}

/** Bytes that an item of this format takes: a number of letters that are no `s` is 8. */
function slotBytes(format: string): number {
  return format.endsWith('s') ? Number.parseInt(format, 10) : 8;
}

function writeList(data: DataView, items: readonly Packed[]): void {
  const start = (items.length + 2) * 8;
  let offset = 0;
  data.setBigInt64(0, BigInt(items.length), true);
  items.forEach(({ format, write }, index) => {
    write(data, start + offset);
    offset += slotBytes(format);
    data.setBigInt64((index + 2) * 8, BigInt(offset), true);
  });
  items.forEach(({ format, kind }, index) => {
    writeText(data, start + offset + index * 8, format);
    data.setInt8(start + offset + items.length * 8 + index, kind);
  });
}

function writeText(data: DataView, at: number, text: string): void {
  const bytes = new Uint8Array(data.buffer, at, 8);
  bytes.fill(0);
  bytes.set(Buffer.from(text));
}

function checkedLength(data: DataView, name: string): number {
  const length = data.byteLength < 16 ? -1 : Number(data.getBigInt64(0, true));
  if (length >= 0 && (length + 2) * 8 + length * 9 <= data.byteLength) return length;
  throw new ProtocolError(`Cannot open the list '${name}': the memory of that name is not that of a list`);
}

function pack(item: unknown, act: string): Packed {
  switch (typeof item) {
    case 'boolean':
      return { format: 'xxxxxxx?', kind: AS_IS, write: (data, at) => data.setUint8(at + 7, item ? 1 : 0) };
    case 'number':
      if (Number.isSafeInteger(item) && !Object.is(item, -0)) return packInteger(BigInt(item), act);
      return { format: 'd', kind: AS_IS, write: (data, at) => data.setFloat64(at, item, true) };
    case 'bigint':
      return packInteger(item, act);
    case 'string':
      checkWellFormed(item, act);
      return packBytes(Buffer.from(item), TEXT, act);
    default:
      if (item === null) return { format: 'xxxxxx?x', kind: NULL, write: (data, at) => data.setBigInt64(at, 0n) };
      if (item instanceof Uint8Array) return packBytes(item, BYTES, act);
      throw new TypeError(
        `Cannot ${act}: a list has numbers, booleans, texts, bytes and null, received ${inspect(item, { depth: 0 })}`,
      );
  }
}

function checkIterable(sequence: unknown): void {
  if (typeof sequence === 'string' || (typeof sequence === 'object' && sequence !== null && Symbol.iterator in sequence)) return;
  throw new TypeError(`Cannot create a list: it takes an iterable of items, received ${inspect(sequence, { depth: 0 })}`);
}

function packInteger(item: bigint, act: string): Packed {
  if (item < -INT64_END || item >= INT64_END)
    throw new RangeError(`Cannot ${act}: integers have 64 bits, ${-INT64_END} to ${INT64_END - 1n}, received ${item}n`);
  return { format: 'q', kind: AS_IS, write: (data, at) => data.setBigInt64(at, item, true) };
}

function packBytes(bytes: Uint8Array, kind: number, act: string): Packed {
  if (bytes.at(-1) === 0) throw new RangeError(`Cannot ${act}: a text or bytes cannot end with NUL, received ${inspect(bytes)}`);
  const format = `${(Math.floor(bytes.length / 8) + 1) * 8}s`;
  if (format.length > 8)
    throw new RangeError(`Cannot ${act}: a text or bytes has less than 10 MB, received ${bytes.length} bytes`);
  return { format, kind, bytes, write: (data, at) => new Uint8Array(data.buffer).set(bytes, at) };
}

/** A copy without the NULs at the end. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.slice(0, end);
}

/** Numbers and `bigint`s of the same value are the same. */
function isSame(one: Shareable, other: Shareable): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  const areNumbers = [one, other].every((each) => typeof each === 'number' || typeof each === 'bigint');
  return one === other || (areNumbers && Number(one) === Number(other) && BigInt(one as number) === BigInt(other as number));
}
