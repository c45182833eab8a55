/**
 * Who gets which task: fills the workers' hands, evens out what they have, takes back what would wait too long.
 *
 * Runs in the parent. A worker has a few milliseconds of work at hand, not more; what it has not begun can be taken
 * back at any time (claim words, `worker-frames.ts`).
 */
import { now } from '../substrate/clock.js';
import type { Broadcast } from './broadcast.js';
import type { Task } from './task.js';
import { TaskQueue } from './task-queue.js';
import type { Worker } from './worker.js';

/** The workers there are, and how to have more. */
export interface Hands extends Iterable<Worker> {
  /** Starts a worker if there may be one more. True: one was started. */
  startOne(): boolean;
  /** Starts all workers that there may be. */
  startAll(): void;
}

export class Feeder {
  readonly queue: TaskQueue = new TaskQueue();
  readonly #crew: Hands;
  /** Those that have something to give out. */
  #broadcasts: Broadcast[] = [];

  constructor(crew: Hands) {
    this.#crew = crew;
  }

  /** Gives out as much as there is room for, starting workers where all have something to do. */
  feed(): void {
    if (this.#broadcasts.length > 0) this.#giveOut();
    while (this.queue.size > 0) {
      const worker = this.#leastLoaded();
      if ((worker === undefined || worker.inFlight > 0) && this.#crew.startOne()) continue;
      if (worker === undefined) break;
      const task = this.queue.peek();
      if (task === undefined || (worker.inFlight > 0 && worker.mustLoad(task))) break;
      this.queue.shift();
      worker.give(task);
    }
    if (this.queue.size === 0) this.#share();
  }

  /** Tasks that a worker had and has not begun, or begins anew, are the next ones. */
  putBack(tasks: readonly Task[]): void {
    const free: Task[] = [];
    for (const task of tasks) {
      task.state = 'pending';
      clearTimeout(task.timer);
      if (task.broadcast === undefined) free.push(task);
      else this.#goOnWith(task.broadcast, task);
    }
    this.queue.putBack(free);
  }

  /** Takes tasks of which each worker gets one, starting all that there may be. */
  add(broadcast: Broadcast): void {
    this.#broadcasts.push(broadcast);
  }

  /** Takes all tasks out that wait for a worker that has none like them. */
  drainBroadcasts(): Task[] {
    return this.#broadcasts.splice(0).flatMap((broadcast) => broadcast.drain());
  }

  /** Takes all tasks out that no worker has. */
  drain(): Task[] {
    const tasks = this.drainBroadcasts();
    for (let task = this.queue.shift(); task !== undefined; task = this.queue.shift()) tasks.push(task);
    return tasks;
  }

  /** Takes back what waits behind a task that takes much longer than those before it. */
  relieveLate(): void {
    const time = now();
    for (const worker of this.#crew) {
      if (worker.inFlight > 1 && worker.isLate(time)) this.putBack(worker.takeBackLast(Number.POSITIVE_INFINITY));
    }
  }

  #goOnWith(broadcast: Broadcast, task: Task): void {
    broadcast.putBack(task);
    if (!this.#broadcasts.includes(broadcast)) this.#broadcasts.push(broadcast);
  }

  #giveOut(): void {
    this.#crew.startAll();
    this.#broadcasts = this.#broadcasts.filter((broadcast) => {
      broadcast.giveOut(this.#crew);
      return !broadcast.isOut;
    });
  }

  /** The worker with room that has least to do. */
  #leastLoaded(): Worker | undefined {
    let best: Worker | undefined;
    for (const worker of this.#crew) {
      if (worker.room > 0 && (best === undefined || worker.inFlight < best.inFlight)) best = worker;
    }
    return best;
  }

  /** Gives idle workers what others have at hand and would begin only later. */
  #share(): void {
    let time: number | undefined;
    for (const idle of this.#crew) {
      if (!idle.ready || idle.inFlight > 0 || idle.room === 0) continue;
      time ??= now();
      const richest = this.#richest(time);
      if (richest === undefined) return;
      this.putBack(richest.takeBackLast(Math.max(1, Math.min(richest.inFlight >> 1, idle.room))));
      this.#fill(idle);
    }
  }

  #fill(idle: Worker): void {
    for (let task = this.queue.peek(); task !== undefined; task = this.queue.peek()) {
      if (idle.inFlight > 0 && idle.mustLoad(task)) return;
      this.queue.shift();
      idle.give(task);
    }
  }

  /** The worker that has most at hand of what could begin sooner elsewhere. */
  #richest(time: number): Worker | undefined {
    let richest: Worker | undefined;
    for (const worker of this.#crew) {
      if (worker.inFlight > (richest?.inFlight ?? 0) && worker.worthRelieving(time)) richest = worker;
    }
    return richest;
  }
}
