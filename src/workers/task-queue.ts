/**
 * Tasks that wait for a worker: higher priority first, then first come, first served.
 *
 * Runs in the parent. Adding, taking the next and cancelling cost the same however many wait.
 */
import type { Task } from './task.js';

interface Lane {
  readonly priority: number;
  tasks: (Task | undefined)[];
  head: number;
}

export class TaskQueue {
  /** Ascending by priority; each a queue with holes where tasks were cancelled. */
  readonly #lanes: Lane[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(task: Task): void {
    this.#lane(task.priority).tasks.push(task);
    this.#size++;
  }

  /** Puts tasks that were taken but not begun back in front, in their order. */
  putBack(tasks: readonly Task[]): void {
    for (let i = tasks.length - 1; i >= 0; i--) {
      const task = tasks[i] as Task;
      const lane = this.#lane(task.priority);
      if (lane.head > 0) lane.tasks[--lane.head] = task;
      else lane.tasks.unshift(task);
      this.#size++;
    }
  }

  /** The next task; settled ones are skipped. */
  shift(): Task | undefined {
    for (let i = this.#lanes.length - 1; i >= 0; i--) {
      const lane = this.#lanes[i] as Lane;
      while (lane.head < lane.tasks.length) {
        const task = lane.tasks[lane.head] as Task;
        lane.tasks[lane.head++] = undefined;
        if (lane.head > COMPACT_AFTER && lane.head * 2 > lane.tasks.length) {
          lane.tasks = lane.tasks.slice(lane.head);
          lane.head = 0;
        }
        if (task.state !== 'pending') continue;
        this.#size--;
        return task;
      }
      lane.tasks.length = 0;
      lane.head = 0;
    }
    return undefined;
  }

  /** One that waits here was settled by somebody else. */
  discard(): void {
    this.#size--;
  }

  #lane(priority: number): Lane {
    let at = this.#lanes.length;
    while (at > 0 && (this.#lanes[at - 1] as Lane).priority > priority) at--;
    const before = this.#lanes[at - 1];
    if (before?.priority === priority) return before;
    const lane = { priority, tasks: [], head: 0 };
    this.#lanes.splice(at, 0, lane);
    return lane;
  }
}

const COMPACT_AFTER = 1024;
