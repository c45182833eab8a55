/**
 * The checks of arguments that constructors of every kind have in common, and their one wording.
 *
 * Runs in every process. What is of the wrong type is a TypeError, what is no number of the wanted range a RangeError.
 */
import { inspect } from 'node:util';

/** @param act As `Cannot create a lock`. @throws {TypeError} If the options are no object. */
export function checkOptionsObject(act: string, options: unknown): asserts options is object {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${act}: the options must be an object, received ${shown(options)}`);
}

/** @param act As `Cannot create a lock`. @throws {TypeError} If it is no number. {RangeError} If it is no integer of the range. */
export function checkInteger(
  act: string,
  name: string,
  value: unknown,
  { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: { readonly least?: number; readonly most?: number } = {},
): asserts value is number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return;
  const Refusal = typeof value === 'number' ? RangeError : TypeError;
  throw new Refusal(`${act}: ${name} must be an integer${rangeText(least, most)}, received ${shown(value)}`);
}

/** @param act As `Cannot call Lock.run()`. @throws {TypeError} If it is no function. */
export function checkFunction(act: string, name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${act}: ${name} must be a function, received ${shown(value)}`);
}

function rangeText(least: number, most: number): string {
  if (most !== Number.POSITIVE_INFINITY) {
    return least === Number.NEGATIVE_INFINITY ? ` of at most ${most}` : ` from ${least} to ${most}`;
  }
  return least === Number.NEGATIVE_INFINITY ? '' : ` of at least ${least}`;
}

/** Texts and numbers as they are, objects in a line. */
function shown(value: unknown): string {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
    : String(value);
}
