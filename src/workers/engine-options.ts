/**
 * What an engine is told when it is made.
 *
 * Types only.
 */
import type { WorkerKind } from './worker-kind.js';

export interface EngineOptions {
  readonly maxWorkers: number;
  readonly initializer?: ((...args: never[]) => unknown) | undefined;
  readonly initArgs?: readonly unknown[] | undefined;
  readonly maxTasksPerChild?: number | undefined;
  /** Milliseconds without a task after which a worker ends. */
  readonly idleTimeout?: number | undefined;
  /** A worker whose resident memory is above so many MiB after a task ends. */
  readonly memoryLimitMb?: number | undefined;
  /** Milliseconds without a sign of life after which a worker is killed. */
  readonly heartbeat?: number | undefined;
  /** 'break': a death breaks everything; 'replace': it costs the task that ran. */
  readonly onWorkerDeath: 'break' | 'replace';
  /** Workers are named so, with a number. */
  readonly namePrefix: string;
  /** Workers start with the engine and are replaced when they end; else they start with tasks. */
  readonly startsAtOnce?: boolean | undefined;
  /** Called when there is one task less. */
  readonly onSettled?: (() => void) | undefined;
  /** What its workers are, and how they are started. */
  readonly kind: WorkerKind;
}
