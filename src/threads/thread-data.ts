/**
 * What a Thread is given at its start, beside its place in the family.
 *
 * Runs in parents, which make it, and in threads, which read it.
 */

export interface ThreadData {
  /** Changes of the environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the starting thread, which lives longer than this one: the number is valid here too. */
  readonly parentBellFd: number;
  /** Shared by the two threads. */
  readonly interrupt: Int32Array<SharedArrayBuffer>;
}

/** Index in `interrupt`: 1 while the thread has a handler of SIGINT. */
export const LISTENS = 0;
