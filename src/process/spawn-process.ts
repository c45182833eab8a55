/**
 * `SpawnProcess`: a Process that starts by `spawn`, whatever this program has chosen.
 *
 * Runs in parents.
 */
import { defineKind } from './child-kind.js';
import { Process } from './process.js';
import { kindOfMethod } from './process-kind.js';

/** A process that is always started as a fresh node. @python `multiprocessing.context.SpawnProcess` */
// oxlint-disable-next-line typescript/no-explicit-any -- the contract's default: any arguments
export class SpawnProcess<A extends unknown[] = any[], R = unknown> extends Process<A, R> {
  static {
    defineKind(kindOfMethod(SpawnProcess, 'spawn'));
  }
}
