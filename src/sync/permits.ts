/**
 * How a semaphore keeps account of its permits.
 *
 * Runs in every process and thread. Types only.
 */

export interface Permits {
  /** Takes one; false: there is none. */
  take(): boolean;
  /** @throws {ProcessError} `ERR_MP_OVER_RELEASE` if there would be more than may be. */
  give(count: number): void;
  value(): number;
}
