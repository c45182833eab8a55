/**
 * The options of a pool, and their checks.
 *
 * Runs in the process that has the pool.
 */
import type { ContextOption } from '../process/start-method.js';
import { checkFunctionIfGiven } from '../workers/check-options.js';
import type { WorkerOptions } from '../workers/engine-options.js';

export interface PoolOptions extends Pick<WorkerOptions, 'initializer' | 'initArgs' | 'maxTasksPerChild'> {
  /** Number of workers; default: the number of usable CPUs. */
  readonly processes?: number | undefined;
  /** How its workers start. Default: as this program has chosen (`setStartMethod`), else 'spawn'. */
  readonly context?: ContextOption | undefined;
  /** 'replace' (default): a death fails only the task that ran; 'break': every unfinished call. */
  readonly onWorkerDeath?: 'break' | 'replace' | undefined;
}

/** @throws {TypeError|RangeError} If one of them is wrong. */
export function checkPoolOptions(options: number | PoolOptions): PoolOptions {
  const create = 'Cannot create a Pool';
  if (typeof options === 'number') return { processes: options };
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${create}: it takes a number of processes or an object of options, received ${String(options)}`);
  const { initializer, initArgs, onWorkerDeath } = options;
  checkFunctionIfGiven(create, 'initializer', initializer);
  if (initArgs !== undefined && !Array.isArray(initArgs))
    throw new TypeError(`${create}: initArgs must be an array, received ${typeof initArgs}`);
  if (onWorkerDeath !== undefined && onWorkerDeath !== 'break' && onWorkerDeath !== 'replace')
    throw new RangeError(`${create}: onWorkerDeath must be 'break' or 'replace', received ${String(onWorkerDeath)}`);
  return options;
}

/** @throws {TypeError} If it is no function. */
export function checkFunction(act: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`Cannot ${act}: the task must be a function, received ${String(fn)}`);
}
