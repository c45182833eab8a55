/**
 * Process objects that no user constructs: the one that a process has of itself, and those of children that an engine
 * started. They count as no construction, and begin in another state.
 *
 * Runs in every process.
 */
import type { RunningChild } from './running-child.js';

/** How such an object begins. */
export interface Birth {
  readonly identity: readonly number[];
  /** Whose object it is: of the process that runs this code, or of a child that runs already. */
  readonly of: 'this process' | RunningChild;
}

let next: Birth | undefined;

/** Makes one; `make` constructs it at once. */
export function born<T>(birth: Birth, make: () => T): T {
  next = birth;
  try {
    return make();
  } finally {
    next = undefined;
  }
}

/** For the constructor of Process: how this object begins if it is one of these. */
export function takeBirth(): Birth | undefined {
  const birth = next;
  next = undefined;
  return birth;
}
