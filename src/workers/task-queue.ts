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
  /** Settled ones that may still be here. */
  #discarded = 0;

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

  /** The next task, which stays. */
  peek(): Task | undefined {
    for (let i = this.#lanes.length - 1; i >= 0; i--) {
      const lane = this.#lanes[i] as Lane;
      for (; lane.head < lane.tasks.length; this.#advance(lane)) {
        const task = lane.tasks[lane.head] as Task;
        if (task.state === 'pending') return task;
      }
      lane.tasks.length = 0;
      lane.head = 0;
    }
    return undefined;
  }

  /** The next task; settled ones are skipped. */
  shift(): Task | undefined {
    const task = this.peek();
    if (task === undefined) return undefined;
    this.#advance(this.#lane(task.priority));
    this.#size--;
    return task;
  }

  /** One that waits here was settled by somebody else. */
  discard(): void {
    this.#size--;
    if (++this.#discarded < COMPACT_AFTER || this.#discarded < this.#size) return;
    this.#discarded = 0;
    for (const lane of this.#lanes) {
      lane.tasks = lane.tasks.slice(lane.head).filter((task) => task?.state === 'pending');
      lane.head = 0;
    }
  }

  #advance(lane: Lane): void {
    lane.tasks[lane.head++] = undefined;
    if (lane.head <= COMPACT_AFTER || lane.head * 2 <= lane.tasks.length) return;
    lane.tasks = lane.tasks.slice(lane.head);
    lane.head = 0;
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
