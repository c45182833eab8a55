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

/** The waitable of a promise that never rejects. */
export function waitable(promise: Promise<void>): Waitable {
  let done = false;
  return {
    isReady: () => done,
    ready: promise.then(() => {
      done = true;
    }),
  };
}
