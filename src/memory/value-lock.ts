/**
 * The lock that a shared value or array comes with.
 *
 * Runs in every process and thread.
 */
import { inspect } from 'node:util';
import { InvalidStateError } from '../errors.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { readPlace, writePlace } from '../sharing/shared-extension.js';
import { Lock } from '../sync/lock.js';
import { RLock } from '../sync/rlock.js';
import type { ValueReader, ValueWriter } from '../wire/codec-types.js';

/** What may guard a shared value. */
export type AnyLock = Lock | RLock;

/** Options of `Value`, `Array` and `Struct`. */
export interface SharedOptions<L extends AnyLock = RLock> {
  /** A lock of yours; `false`: none; by default a new `RLock`. */
  readonly lock?: L | false;
}

/** The lock that the options ask for. @throws {TypeError} If it is none, or they are none. */
export function lockFor(options: { readonly lock?: unknown }, act: string): AnyLock | undefined {
  checkOptionsObject(`Cannot ${act}`, options);
  const { lock } = options;
  if (lock === undefined) return new RLock();
  if (lock === false) return undefined;
  if (lock instanceof Lock || lock instanceof RLock) return lock;
  throw new TypeError(`Cannot ${act}: its lock must be a Lock, an RLock or false, received ${inspect(lock, { depth: 0 })}`);
}

/** @throws {InvalidStateError} If there is none. */
export function requireLock<L extends AnyLock>(lock: AnyLock | undefined): L {
  if (lock === undefined) throw new InvalidStateError('Cannot give the lock: the object was made with the option lock: false');
  return lock as L;
}

/** Sends the lock beside the object. */
export function writeLock(lock: AnyLock | undefined, out: ValueWriter): void {
  out.u8(lock === undefined ? 0 : 1);
  if (lock !== undefined) writePlace(lock, out);
}

/** Reads what `writeLock` wrote, as the option. */
export function readLock(input: ValueReader): AnyLock | false {
  return input.u8() === 1 && (readPlace(input) as AnyLock);
}
