/**
 * Records with typed fields that processes and threads share.
 *
 * Runs in every process and thread. Each field lies aligned in the body, in the order of its declaration; what the fields
 * are is sent beside the object.
 */
import { inspect } from 'node:util';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, isOpening, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import type { SharedPiece } from '../substrate/shared-piece.js';
import type { RLock } from '../sync/rlock.js';
import type { ValueReader, ValueWriter } from '../wire/codec-types.js';
import { type Element, loadElement, storeElement } from './elements.js';
import { bodyView } from './shared-bytes.js';
import { type ElementOf, elementType, type ElementType, type TypeCode } from './type-codes.js';
import { type AnyLock, lockFor, readLock, requireLock, type SharedOptions, writeLock } from './value-lock.js';

/** The fields of a record: names and types. */
export type StructFields = Readonly<Record<string, TypeCode | 'bool'>>;
/** What the fields are in JavaScript. */
export type StructValues<F extends StructFields> = { -readonly [K in keyof F]: ElementOf<F[K]> };

/** Options of `RawStruct`. */
export interface RawStructOptions<F extends StructFields> {
  /** What fields begin with that shall not be zero. */
  readonly init?: Partial<StructValues<F>>;
}

/** A record in shared memory. It has no other properties than its fields: a misspelt one is a `TypeError`. */
export type Struct<F extends StructFields, L extends AnyLock = RLock> = StructValues<F> & {
  /** The lock beside the record. @throws {InvalidStateError} If it was made without. */
  getLock(): L;
};
/** A record in shared memory without a lock. */
export type RawStruct<F extends StructFields> = StructValues<F>;

interface Field {
  readonly name: string;
  readonly type: ElementType;
  readonly offset: number;
}
interface StructExtra {
  readonly fields: StructFields;
  readonly lock: AnyLock | false;
}

const CREATE = 'create a struct';
const RESERVED = new Set(['getLock', 'constructor', '__proto__']);
const fieldsOf = new WeakMap<object, StructFields>();

/** The constructor of `Struct`. */
export type StructConstructor = new <F extends StructFields, L extends AnyLock = RLock>(
  fields: F,
  options?: RawStructOptions<F> & SharedOptions<L>,
) => Struct<F, L>;
/** The constructor of `RawStruct`. */
export type RawStructConstructor = new <F extends StructFields>(fields: F, options?: RawStructOptions<F>) => RawStruct<F>;

class LockedRecord {
  readonly #lock: AnyLock | undefined;

  constructor(fields: unknown, options: RawStructOptions<StructFields> & { lock?: unknown } = {}) {
    this.#lock = lockFor(options, CREATE);
    adoptPiece(this, defineFields(this, KIND.STRUCT, fields, options), structKind);
    if (new.target === LockedRecord) Object.preventExtensions(this);
  }

  getLock(): AnyLock {
    return requireLock(this.#lock);
  }

  static lockOf(struct: LockedRecord): AnyLock | undefined {
    return struct.#lock;
  }
}

class RawRecord {
  constructor(fields: unknown, options: RawStructOptions<StructFields> = {}) {
    adoptPiece(this, defineFields(this, KIND.RAW_STRUCT, fields, options), rawStructKind);
    if (new.target === RawRecord) Object.preventExtensions(this);
  }
}

/**
 * A record with typed fields in shared memory: `new Struct({ x: 'd', y: 'd' }, { init: { x: 1 } })` has the properties `x` and `y`.
 *
 * - Reading and writing one field are single steps that wait for nobody; several fields at once need the lock.
 * - `{ ...struct }` is a copy in memory of this process.
 *
 * @throws {TypeError|RangeError} If a type is none, or a value none of its type.
 * @throws {ResourceExhaustedError} If there is no shared memory left.
 * @python `multiprocessing.Value` of a `ctypes.Structure`
 */
export const Struct: StructConstructor = LockedRecord as never;

/** As `Struct`, without a lock. @python `multiprocessing.RawValue` of a `ctypes.Structure` */
export const RawStruct: RawStructConstructor = RawRecord as never;

for (const Class of [LockedRecord, RawRecord]) showAs<object>(Class, (record) => ({ ...record }));
for (const [name, Class] of Object.entries({ Struct, RawStruct })) Object.defineProperty(Class, 'name', { value: name });

function defineFields(record: object, kind: number, given: unknown, options: RawStructOptions<StructFields>): SharedPiece {
  checkOptionsObject(`Cannot ${CREATE}`, options);
  const { init = {} } = options;
  const isNew = !isOpening();
  const fields = isNew ? fieldsFrom(given) : layOut(given as StructFields);
  const last = fields.at(-1);
  if (isNew) checkInit(fields, init);
  const piece = pieceFor(kind, last === undefined ? 8 : Math.ceil((last.offset + 8) / 8) * 8);
  for (const field of fields) defineField(record, piece, field);
  if (isNew) Object.assign(record, init);
  fieldsOf.set(record, Object.fromEntries(fields.map(({ name, type }) => [name, type.code as TypeCode])));
  return piece;
}

function defineField(record: object, piece: SharedPiece, { name, type, offset }: Field): void {
  const line = offset - (offset % 8);
  const words = bodyView(type, piece, line);
  const view = type.view(words.buffer as ArrayBuffer, words.byteOffset + (offset % 8), 1);
  Object.defineProperty(record, name, {
    enumerable: true,
    get: (): Element => loadElement(type, view, 0),
    set: (value: unknown) => {
      storeElement(type, view, 0, value, `set the field '${name}'`);
    },
  });
}

function fieldsFrom(given: unknown): Field[] {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`Cannot ${CREATE}: it takes names and types of fields, received ${inspect(given)}`);
  const taken = Object.keys(given).find((name) => RESERVED.has(name));
  if (taken !== undefined) throw new TypeError(`Cannot ${CREATE}: a field cannot have this name, received '${taken}'`);
  return layOut(given as StructFields);
}

function layOut(given: StructFields): Field[] {
  let end = 0;
  return Object.entries(given).map(([name, code]) => {
    const type = elementType(code, `create the field '${name}' of a struct`);
    const offset = Math.ceil(end / type.bytes) * type.bytes;
    end = offset + type.bytes;
    return { name, type, offset };
  });
}

/** Before there is shared memory. */
function checkInit(fields: readonly Field[], init: object): void {
  for (const [name, value] of Object.entries(init)) {
    const field = fields.find((each) => each.name === name);
    if (field === undefined) throw new TypeError(`Cannot ${CREATE}: init has a field that it has not, received '${name}'`);
    storeElement(field.type, field.type.view(new ArrayBuffer(8), 0, 1), 0, value, `set the field '${name}'`);
  }
}

function writeFields(facade: object, out: ValueWriter): void {
  out.string(JSON.stringify(fieldsOf.get(facade)));
}

function readFields(input: ValueReader): StructFields {
  return JSON.parse(input.string()) as StructFields;
}

/** How such objects are sent. */
export const structKind: SharedKind = {
  kind: KIND.STRUCT,
  write(facade, out) {
    writeFields(facade, out);
    writeLock(LockedRecord.lockOf(facade as LockedRecord), out);
  },
  read: (input): StructExtra => ({ fields: readFields(input), lock: readLock(input) }),
  open(piece, extra) {
    const { fields, lock } = extra as StructExtra;
    return constructOn(piece, () => new LockedRecord(fields, { lock }));
  },
};

/** How such objects are sent. */
export const rawStructKind: SharedKind = {
  kind: KIND.RAW_STRUCT,
  write: writeFields,
  read: readFields,
  open: (piece, fields) => constructOn(piece, () => new RawRecord(fields)),
};
