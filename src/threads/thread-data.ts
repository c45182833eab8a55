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
/**
 * Index in `interrupt`: whether the thread can be ended between any two instructions.
 *
 * The thread moves it from `STARTING` to `UP`, and from there to `LOADING` and back; the parent moves it once, to
 * `UNWANTED`, and what it found there says what to do. A thread that finds `UNWANTED` ends itself.
 */
export const STATE = 1;
/** The thread loads this library: node ends nobody then without harm. */
export const STARTING = 0;
/** It can be ended at any time. */
export const UP = 1;
/** It shall end by itself as soon as it could go on. */
export const UNWANTED = 2;
/** It loads modules of the user. */
export const LOADING = 3;
export const INTERRUPT_BYTES = 8;
