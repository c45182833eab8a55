/**
 * What the conformance tests of executors share: executors of any kind, the end of objects.
 *
 * Runs in test processes.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Pool, PoolOptions, ProcessPoolExecutor, ProcessPoolExecutorOptions } from '#src/index.js';
import type { Kind } from '../support/kinds.js';
import { closeAfter, shutDownAfter, until } from './executor-support.js';

/** Runs `use` with an executor of this kind and shuts it down, whatever happens. */
export function withExecutorOf<T>(
  kind: Kind,
  options: ProcessPoolExecutorOptions,
  use: (executor: ProcessPoolExecutor) => Promise<T>,
): Promise<T> {
  return shutDownAfter(new kind.Executor(options), use);
}

/** Runs `use` with a pool of this kind, then closes and joins it; terminates it if something fails. */
export function withPoolOf<T>(kind: Kind, options: number | PoolOptions, use: (pool: Pool) => Promise<T>): Promise<T> {
  return closeAfter(new kind.Pool(options), use);
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const given: T[] = [];
  for await (const item of items) given.push(item);
  return given;
}

/** Numbers that come one per turn of the event loop. */
export async function* slowly(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) {
    await turn();
    yield i;
  }
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Fails unless the object is garbage soon. */
export function assertCollected(reference: WeakRef<object>, what: string): Promise<void> {
  return untilCollected(() => reference.deref() === undefined, `the end of ${what}`);
}

/** Waits for what garbage collection brings about. */
export function untilCollected(condition: () => boolean, what: string): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return until(() => {
    collect();
    return condition();
  }, what);
}
