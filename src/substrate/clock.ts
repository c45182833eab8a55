/**
 * The monotonic clock in milliseconds.
 *
 * Runs in every process. Not `performance.now()`: its module costs a starting child more than a millisecond.
 */

/** Milliseconds since some moment, with fractions; never goes back. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
