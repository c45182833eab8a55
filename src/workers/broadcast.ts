/**
 * Tasks of which each worker gets one: given out in no particular order, but never two to the same.
 *
 * Runs in the parent. A task that its worker has not begun when that ends goes to the worker in its place.
 */
import type { Task } from './task.js';
import type { Worker } from './worker.js';

export class Broadcast {
  /** To be given out. */
  readonly #waiting: Task[];
  readonly #given = new Map<Task, Worker>();

  constructor(tasks: readonly Task[]) {
    this.#waiting = [...tasks];
    for (const task of tasks) task.broadcast = this;
  }

  /** Whether there is nothing to give out, for now. */
  get isOut(): boolean {
    return this.#waiting.length === 0;
  }

  /** Gives one to each worker that has none and can take it. */
  giveOut(workers: Iterable<Worker>): void {
    const served = new Set(this.#given.values());
    for (const worker of workers) {
      if (served.has(worker) || !worker.hasPlace) continue;
      const task = this.#next();
      if (task === undefined) return;
      this.#given.set(task, worker);
      worker.give(task);
    }
  }

  /** Its worker had it and has not begun it, or another is to begin it anew. */
  putBack(task: Task): void {
    this.#given.delete(task);
    this.#waiting.unshift(task);
  }

  /** Takes all out that are not given out. */
  drain(): Task[] {
    return this.#waiting.splice(0).filter((task) => task.state === 'pending');
  }

  #next(): Task | undefined {
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift())
      if (task.state === 'pending') return task;
    return undefined;
  }
}
