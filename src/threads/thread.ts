/**
 * `Thread`: a thread of this process that runs an ordinary function, with the face of `Process`.
 *
 * Runs in parents, and in threads as the object that a thread has of itself.
 */
import { defineKind } from '../process/child-kind.js';
import { childIdentity } from '../process/child-setup.js';
import { Process } from '../process/process.js';
import type { ProcessOptions } from '../process/process-options.js';
import { getStartMethod } from '../process/start-method.js';
import { launchThread } from './thread-launcher.js';

export type ThreadOptions<A extends unknown[] = unknown[], R = unknown> = ProcessOptions<A, R>;

/**
 * A thread that runs an ordinary function.
 *
 * - Options, methods and errors are those of `Process`; `pid` is that of this process.
 * - Values are copied as between processes; shared objects are shared.
 * - `process.exit(n)` in it ends the thread only, by Process's rules.
 * - `terminate()` ends it even in an endless loop, with exit code −15; locks that it held are then poisoned.
 * - A thread can have no working directory of its own, and cannot outlive its process: `cwd` and `detached` are refused.
 *
 * @example
 * const t = new Thread({ target: (x: number) => x * 2, args: [21] });
 * await t.start();
 * console.log(await t.result()); // 42
 *
 * @python `threading.Thread`, with `multiprocessing.Process`'s `terminate()`, exit codes and results.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the contract's default: any arguments
export class Thread<A extends unknown[] = any[], R = unknown> extends Process<A, R> {
  static {
    let constructions = 0;
    defineKind({
      base: Thread,
      checkOptions,
      startMethod: () => getStartMethod({ allowNone: true }) ?? undefined,
      nextIdentity: () => childIdentity((constructions += 1)),
      launch: (options, request) => launchThread(options, request),
    });
  }
}

function checkOptions({ context, cwd, detached }: ThreadOptions): void {
  if (context !== undefined) throw new TypeError('Cannot create a thread: it has no start method, received a context');
  if (cwd !== undefined)
    throw new TypeError(
      `Cannot create a thread: it shares the working directory of its process, received cwd ${JSON.stringify(cwd)}`,
    );
  if (detached === true) throw new TypeError('Cannot create a thread: it cannot outlive its process, received detached true');
}
