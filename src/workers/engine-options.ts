/**
 * What an engine is told when it is made.
 *
 * Types only.
 */
import type { WorkerKind } from './worker-kind.js';

/** How its workers begin and when they end, as pools and executors are told too. */
export interface WorkerOptions {
  /** Runs exactly once in each worker, before its first task. */
  readonly initializer?: ((...args: never[]) => unknown) | undefined;
  readonly initArgs?: readonly unknown[] | undefined;
  /** A worker ends after so many tasks (chunks, of a map) and is replaced. Default: never. */
  readonly maxTasksPerChild?: number | undefined;
  /** Milliseconds without a task after which a worker ends. Default: never. */
  readonly idleTimeout?: number | undefined;
  /** A worker whose memory (of a process all that is resident, of a thread its heap) is above so many MiB after a task ends and is replaced. Default: no limit. */
  readonly memoryLimitMb?: number | undefined;
  /**
   * Milliseconds after which a worker that gives no sign of life is killed (`WorkerUnresponsiveError`), whatever it does. A busy
   * one is alive, a stopped process is not; of threads it says nothing. Default: never.
   */
  readonly heartbeat?: number | undefined;
}

export interface EngineOptions extends WorkerOptions {
  readonly maxWorkers: number;
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
