/**
 * One typed value that processes and threads share.
 *
 * Runs in every process and thread. One element at byte 0 of the body, or a JSON cell; the number of the type is the
 * option word. No operation leaves it half-done, so nothing is to be repaired when somebody dies.
 */
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, KIND, type SharedKind } from '../sharing/shared-kinds.js';
import type { RLock } from '../sync/rlock.js';
import { cellFor, codeOf, type SharedCell } from './shared-cell.js';
import type { BigIntegerCode, ElementOf, IntegerCode, TypeCode, TypedArrayOf } from './type-codes.js';
import { type AnyLock, lockFor, readLock, requireLock, type SharedOptions, writeLock } from './value-lock.js';

/**
 * A value in shared memory.
 *
 * - Reading and writing it are single steps that wait for nobody: no reader ever sees a half-written value. What takes
 *   more than one step, such as `value.value += 1`, needs the lock; for integers there is `add`.
 * - The lock is one for all who share the value; the value itself does not take it.
 * - `'json'` takes what `JSON.stringify` does; there is room for twice the first text, at least 4096 bytes.
 *
 * @param code Its type.
 * @param init Zero, `false`, `'\0'` or `null` by default.
 * @throws {TypeError|RangeError} If `init` is none of the type.
 * @throws {ResourceExhaustedError} If there is no shared memory left.
 * @example
 * const counter = new Value('i', 0);
 * counter.add(1);
 * @python `multiprocessing.Value`; there every access takes the lock, and what is out of range wraps.
 */
export class Value<C extends TypeCode | 'bool' | 'json' = TypeCode, L extends AnyLock = RLock> {
  static {
    showAs(Value, (value) => ({ code: value.#cell.code, value: value.value }));
  }

  readonly #cell: SharedCell;
  readonly #lock: AnyLock | undefined;

  constructor(code: C, init?: ElementOf<C>, options: SharedOptions<L> = {}) {
    this.#lock = lockFor(options, 'create a value');
    const { piece, cell } = cellFor(KIND.VALUE, code, init);
    this.#cell = cell;
    adoptPiece(this, piece, valueKind, () => cell.close());
  }

  get value(): ElementOf<C> {
    return this.#cell.load() as ElementOf<C>;
  }

  /** @throws {TypeError|RangeError} If it is none of the type. */
  set value(value: ElementOf<C>) {
    this.#cell.store(value);
  }

  /**
   * Adds to an integer in a single step. Beyond its range it goes on at the other end.
   *
   * @returns What it was before.
   * @throws {TypeError} If the value is no integer.
   */
  add(delta: AddendOf<C>): AddendOf<C> {
    return this.#cell.add(delta) as AddendOf<C>;
  }

  /** The lock beside the value. @throws {InvalidStateError} If it was made without. */
  getLock(): L {
    return requireLock(this.#lock);
  }

  /** The value as a typed array of length 1. @throws {TypeError} For `'json'`. */
  getObj(): TypedArrayOf<C> {
    return this.#cell.view(this) as TypedArrayOf<C>;
  }

  /** @internal */
  static lockOf(value: Value): AnyLock | undefined {
    return value.#lock;
  }
}

/** What `add` takes. */
export type AddendOf<C> = C extends BigIntegerCode ? bigint : C extends IntegerCode ? number : never;

/** What `RawValue` gives. */
export interface RawValue<C extends TypeCode | 'bool' = TypeCode> {
  value: ElementOf<C>;
}

/**
 * A value in shared memory without a lock.
 *
 * @throws {TypeError|RangeError} If `init` is none of the type.
 * @python `multiprocessing.RawValue`, but values out of range are refused.
 */
export function RawValue<C extends TypeCode | 'bool'>(code: C, init?: ElementOf<C>): RawValue<C> {
  return new RawCell(code, init) as RawValue<C>;
}

class RawCell {
  static {
    showAs(RawCell, (cell) => ({ code: cell.#cell.code, value: cell.value }));
  }

  readonly #cell: SharedCell;

  constructor(code: unknown, init?: unknown) {
    const { piece, cell } = cellFor(KIND.RAW_VALUE, code, init);
    this.#cell = cell;
    adoptPiece(this, piece, rawValueKind, () => cell.close());
  }

  get value(): unknown {
    return this.#cell.load();
  }

  set value(value: unknown) {
    this.#cell.store(value);
  }
}

Object.defineProperty(RawCell, 'name', { value: 'RawValue' });

/** How such objects are sent. */
export const valueKind: SharedKind = {
  kind: KIND.VALUE,
  write: (facade, out) => writeLock(Value.lockOf(facade as Value), out),
  read: readLock,
  open: (piece, lock) =>
    constructOn(piece, () => new Value(codeOf(piece) as TypeCode, undefined, { lock: lock as RLock | false })),
};

/** How such objects are sent. */
export const rawValueKind: SharedKind = {
  kind: KIND.RAW_VALUE,
  open: (piece) => constructOn(piece, () => new RawCell(codeOf(piece))),
};
