/**
 * Injection points of the TypeScript side: `MULTIPROC_FAULT=result.halfFrame:kill@3`.
 *
 * Runs in every process. Does something only when the test build of the addon is loaded, which the loader
 * takes only when the variable is set; otherwise a point costs one check of a constant.
 */
import { binding } from '../native/binding.js';

const armed = process.env['MULTIPROC_FAULT'] !== undefined;

/**
 * How long a thread sleeps at most before it looks again, so that no lost wake-up, whatever its cause, lasts. Tests of faults
 * have no such net: there a stranded waiter shows.
 */
export const WAIT_SLICE_MS: number = armed ? 60_000 : 100;

/** A named point at which a test may kill, stop or delay this process. */
export function faultPoint(name: string): void {
  if (armed) binding().fault?.(name);
}
