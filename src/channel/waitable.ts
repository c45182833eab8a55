/**
 * Something that becomes ready once and can be waited for together with others.
 *
 * Runs in every process.
 */

export interface Waitable {
  /** Whether it is ready now. */
  isReady(): boolean;
  /** Resolves when it is. */
  readonly ready: Promise<void>;
}

/** The waitable of a promise that never rejects; `isReady` knows it as soon as it is settled. */
export function waitable(ready: Promise<void>, isReady: () => boolean): Waitable {
  return { ready, isReady };
}
