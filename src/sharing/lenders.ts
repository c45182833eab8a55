/**
 * Objects that are shared only if they are sent: they get their piece of shared memory then.
 *
 * Runs in every process and thread.
 */
import { explainRefusal } from '../wire/refusal.js';
import { pieceOf } from './shared-kinds.js';

/** Some kind of such objects. */
export interface Lender {
  matches(value: object): boolean;
  /** Ties the object to a piece (`adoptPiece`). @throws {TypeError} If this one cannot be sent: why, to follow "Cannot send …: ". */
  lend(value: object): void;
}

/** Adds a kind of objects; a second time changes nothing. */
export function addLender(lender: Lender): void {
  if (!lenders.includes(lender)) lenders.push(lender);
}

/** Whether an object is shared, or would be if it were sent. */
export function isShareable(value: object): boolean {
  return pieceOf(value) !== undefined || lenders.some((lender) => lender.matches(value));
}

/** Has an object shared. @throws {TypeError} If it cannot be: why. */
export function lend(value: object): void {
  lenders.find((lender) => lender.matches(value))?.lend(value);
}

const lenders: Lender[] = [];

explainRefusal(
  (value) => lenders.some((lender) => lender.matches(value)),
  'only the processes and threads of one family share it; send it over a pipe or a queue',
);
