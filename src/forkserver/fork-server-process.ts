/**
 * `ForkServerProcess`: a Process that a fork server starts.
 *
 * Runs in parents, and in children as the object that one has of itself.
 */
import { defineKind } from '../process/child-kind.js';
import { nextIdentity } from '../process/identity.js';
import { Process } from '../process/process.js';
import { launchForked, awaitForkserver } from './fork-launcher.js';

/**
 * A process that begins as a copy of a server, which has loaded modules once for all of its children.
 *
 * - Options, methods and errors are those of `Process`. The first `start()` waits for the server.
 * - On Linux x64 with glibc the server truly forks: a child starts in one or two milliseconds and shares the memory of
 *   what was preloaded. Elsewhere, and for a child with `execArgv` or `maxOldSpaceMb`, a node that has loaded the modules
 *   stands by and becomes the child.
 * - The state of preloaded modules is the server's at the time of the fork; `process.ppid` is the server.
 *
 * @python `multiprocessing.context.ForkServerProcess`
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the contract's default: any arguments
export class ForkServerProcess<A extends unknown[] = any[], R = unknown> extends Process<A, R> {
  static {
    defineKind({
      base: ForkServerProcess,
      checkOptions() {},
      nextIdentity,
      prepare: awaitForkserver,
      launch: (options, request) => launchForked(options, request, 'process'),
    });
  }
}
