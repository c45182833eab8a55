/**
 * The options of executors, and their checks.
 *
 * Runs in the process that submits.
 */
import { checkOptionsObject } from '../substrate/argument-checks.js';
import type { ContextOption } from '../process/start-method.js';
import { checkCount, checkDuration, checkFunctionIfGiven, checkWorkerCount } from '../workers/check-options.js';
import type { WorkerOptions } from '../workers/engine-options.js';

export interface ProcessPoolExecutorOptions extends WorkerOptions {
  /** Default: the number of usable CPUs. */
  readonly maxWorkers?: number | undefined;
  /** How its workers start. Default: as this program has chosen (`setStartMethod`), else 'spawn'. */
  readonly context?: ContextOption | undefined;
  /** Asked at each submit and map for a W3C `traceparent`, which `options({ traceparent })` overrides. */
  readonly traceparent?: (() => string | undefined) | undefined;
  /** 'break' (default, as Python): every unfinished future fails; 'replace': only the task that ran. */
  readonly onWorkerDeath?: 'break' | 'replace' | undefined;
  /** `submit` above so many unfinished tasks throws `QueueFullError`, `map` waits. Default: no limit. */
  readonly maxPending?: number | undefined;
}

/** @throws {TypeError|RangeError} If one of them has the wrong type or range. */
export function checkExecutorOptions(create: string, options: ProcessPoolExecutorOptions): void {
  checkOptionsObject(create, options);
  const { maxWorkers, initializer, initArgs, maxTasksPerChild, onWorkerDeath, maxPending } = options;
  checkWorkerCount(create, 'maxWorkers', maxWorkers);
  checkCount(create, 'maxTasksPerChild', maxTasksPerChild);
  checkCount(create, 'maxPending', maxPending);
  checkCount(create, 'memoryLimitMb', options.memoryLimitMb);
  checkCount(create, 'heartbeat', options.heartbeat);
  checkDuration(create, 'idleTimeout', options.idleTimeout);
  checkFunctionIfGiven(create, 'traceparent', options.traceparent);
  checkFunctionIfGiven(create, 'initializer', initializer);
  if (initArgs !== undefined && !Array.isArray(initArgs))
    throw new TypeError(`${create}: initArgs must be an array, received ${String(initArgs)}`);
  if (onWorkerDeath !== undefined && onWorkerDeath !== 'break' && onWorkerDeath !== 'replace') {
    throw new RangeError(`${create}: onWorkerDeath must be 'break' or 'replace', received ${String(onWorkerDeath)}`);
  }
}
