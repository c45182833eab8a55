/**
 * The figures of an engine: what became of its tasks, how long they waited and ran, how busy its workers were.
 *
 * Runs in the parent. The times are those of the workers' own clocks, which are the parent's: the kernel's monotonic one.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { now } from '../substrate/clock.js';
import type { Crew } from './crew.js';
import type { Task } from './task.js';
import type { Worker } from './worker.js';

/** Milliseconds. */
export interface Times {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What `stats()` says; a chunk of a map is one task. */
export interface PoolStats {
  /** Workers that take tasks, those that are still starting included. */
  readonly workers: number;
  /** Of these: ready, with nothing to do. */
  readonly idle: number;
  /** Of these: running a task. */
  readonly busy: number;
  /** Tasks that no worker has begun. */
  readonly pending: number;
  readonly running: number;
  /** Tasks that gave a result. */
  readonly completed: number;
  /** Tasks that ended with an error; cancelled ones count nowhere. */
  readonly failed: number;
  /** Workers that were started in the place of one that has ended, or is about to. */
  readonly restarts: number;
  /** Share of the time since their initializers returned that the workers spent in tasks, 0 to 1. */
  readonly utilization: number;
  /** From the submit of a task to its begin in a worker. */
  readonly waitTime: Times;
  /** From the begin of a task in a worker to its result or error there. */
  readonly runTime: Times;
}

const NANOSECONDS = 1e6;

export class Statistics {
  completed = 0;
  failed = 0;
  readonly #wait: RecordableHistogram = createHistogram();
  readonly #run: RecordableHistogram = createHistogram();
  #busyMs = 0;
  /** Time of workers that are gone. */
  #goneMs = 0;

  /** A task has been answered; the times are those of `now()` in the worker. */
  answered(task: Task, began: number, ended: number): void {
    this.#busyMs += ended - began;
    record(this.#wait, began - task.submitted);
    record(this.#run, ended - began);
  }

  /** A worker is gone. */
  ended(worker: Worker): void {
    this.#goneMs += worker.readyMs;
  }

  /** @param open Tasks that are not settled. */
  snapshot(crew: Crew, open: number): PoolStats {
    const time = now();
    let [idle, running, busyMs, livedMs] = [0, 0, this.#busyMs, this.#goneMs];
    for (const worker of crew) {
      livedMs += worker.readyMs;
      const runningMs = worker.runningMs(time);
      if (runningMs !== undefined) {
        running++;
        busyMs += runningMs;
      } else if (!worker.closed && worker.ready && worker.inFlight === 0) idle++;
    }
    return {
      workers: crew.open,
      idle,
      busy: running,
      pending: Math.max(0, open - running),
      running: Math.min(open, running),
      completed: this.completed,
      failed: this.failed,
      restarts: crew.restarts,
      utilization: livedMs === 0 ? 0 : Math.min(1, busyMs / livedMs),
      waitTime: timesOf(this.#wait),
      runTime: timesOf(this.#run),
    };
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * NANOSECONDS)));
}

function timesOf(histogram: RecordableHistogram): Times {
  const { count } = histogram;
  if (count === 0) return { count, mean: 0, p50: 0, p99: 0, max: 0 };
  return {
    count,
    mean: histogram.mean / NANOSECONDS,
    p50: histogram.percentile(50) / NANOSECONDS,
    p99: histogram.percentile(99) / NANOSECONDS,
    max: histogram.max / NANOSECONDS,
  };
}
