/**
 * The tasks that one worker has at hand, and who has begun them: sequence numbers, slots and claim words.
 *
 * Runs in the parent; the claim words are shared with the worker (`worker-frames.ts`), which may die at any
 * moment: what they say then is final.
 */
import type { Task } from './task.js';
import { CLAIM_CLAIMED, CLAIM_QUEUED, CLAIM_RETURNING, CLAIM_TAKEN_BACK, CLAIMS, claimWord } from './worker-frames.js';

const SEQUENCES = 2 ** 29;

export class TaskSlots {
  readonly #shared: Int32Array;
  readonly #tasks: (Task | undefined)[] = new Array<Task | undefined>(CLAIMS).fill(undefined);
  #oldest = 1;
  #next = 1;
  #count = 0;

  /** @param shared The claim words. */
  constructor(shared: Int32Array) {
    this.#shared = shared;
  }

  /** How many tasks are in it. */
  get count(): number {
    return this.#count;
  }

  /** How many more fit: sequence numbers in use are in one window, however few of them are left. */
  get free(): number {
    return CLAIMS - 1 - ((this.#next - this.#oldest + SEQUENCES) % SEQUENCES);
  }

  /** Puts a task in, for the worker to claim; gives its sequence number. */
  add(task: Task): number {
    const sequence = this.#next;
    this.#next = after(sequence);
    this.#tasks[sequence % CLAIMS] = task;
    this.#count++;
    task.sequence = sequence;
    Atomics.store(this.#shared, sequence % CLAIMS, claimWord(sequence, CLAIM_QUEUED));
    return sequence;
  }

  remove(task: Task): void {
    this.#tasks[task.sequence % CLAIMS] = undefined;
    this.#count--;
    if (this.#count === 0) this.#oldest = this.#next;
    else
      while (this.#tasks[this.#oldest % CLAIMS] === undefined && this.#oldest !== this.#next) this.#oldest = after(this.#oldest);
  }

  /** The task with this sequence number, if it is still here. */
  get(sequence: number): Task | undefined {
    const task = this.#tasks[sequence % CLAIMS];
    return task?.sequence === sequence ? task : undefined;
  }

  /** Takes a task out that the worker has not begun. False: it has. */
  takeBack(task: Task): boolean {
    const { sequence } = task;
    const queued = claimWord(sequence, CLAIM_QUEUED);
    if (Atomics.compareExchange(this.#shared, sequence % CLAIMS, queued, claimWord(sequence, CLAIM_TAKEN_BACK)) !== queued)
      return false;
    this.remove(task);
    return true;
  }

  hasBegun({ sequence }: Task): boolean {
    const claim = Atomics.load(this.#shared, sequence % CLAIMS);
    return claim === claimWord(sequence, CLAIM_CLAIMED) || claim === claimWord(sequence, CLAIM_RETURNING);
  }

  /** Whether it is over and its answer on the way. */
  isReturning({ sequence }: Task): boolean {
    return Atomics.load(this.#shared, sequence % CLAIMS) === claimWord(sequence, CLAIM_RETURNING);
  }

  /** Whether some of them are not begun: the newest one tells, they run in order. */
  get waiting(): boolean {
    if (this.#count === 0) return false;
    let at = this.#next;
    let newest: Task | undefined;
    while (newest === undefined) {
      at = at === 1 ? SEQUENCES : at - 1;
      newest = this.#tasks[at % CLAIMS];
    }
    return !this.hasBegun(newest);
  }

  /** In the order in which the worker runs them. */
  inOrder(): Task[] {
    const tasks: Task[] = [];
    for (let at = this.#oldest; at !== this.#next && tasks.length < this.#count; at = after(at)) {
      const task = this.#tasks[at % CLAIMS];
      if (task !== undefined) tasks.push(task);
    }
    return tasks;
  }
}

function after(sequence: number): number {
  return (sequence % SEQUENCES) + 1;
}
