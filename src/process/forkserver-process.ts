/**
 * `ForkServerProcess`: a Process that starts by `forkserver`, whatever this program has chosen.
 *
 * Runs in parents.
 */
import { defineKind } from './child-kind.js';
import { Process } from './process.js';
import { kindOfMethod } from './process-kind.js';

/** A process that is always a copy of the server of this program that is kept for it. @python `multiprocessing.context.ForkServerProcess` */
// oxlint-disable-next-line typescript/no-explicit-any -- the contract's default: any arguments
export class ForkServerProcess<A extends unknown[] = any[], R = unknown> extends Process<A, R> {
  static {
    defineKind(kindOfMethod(ForkServerProcess, 'forkserver'));
  }
}
