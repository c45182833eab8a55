/**
 * One worker as the engine sees it: its life, the tasks it has been given, how quick it is.
 *
 * Runs in the parent. Decides nothing: which tasks it gets and what its end means is the engine's.
 */
import type { ProcessPhase } from '../errors.js';
import { ProtocolError } from '../errors.js';
import type { Encoded } from '../wire/codec-types.js';
import type { Job } from './jobs.js';
import { LentMessages } from './large-message.js';
import { Pace } from './pace.js';
import type { Task } from './task.js';
import { copyOf, shelvedFrame, writeHeader } from './task-message.js';
import { TaskSlots } from './task-slots.js';
import { type WorkerChild, WorkerLife } from './worker-life.js';
import { numbered, WorkerKnowledge } from './worker-knowledge.js';
import {
  ABORT,
  BEAT_WORD,
  CONTEXT,
  copyOfBytes,
  LISTENER_WORD,
  PREPARE,
  QUIET_WORD,
  TASK,
  TASK_HEADER_BYTES,
  TASK_SHELVED,
} from './worker-frames.js';

/** With so many quick tasks at hand the worker answers in batches. */
const QUIET_FROM = 2;

export class Worker extends WorkerLife {
  /** Tasks given in all, less those taken back. */
  given = 0;
  readonly #slots: TaskSlots;
  readonly #knowledge: WorkerKnowledge;
  readonly #maxTasks: number;
  readonly #pace = new Pace();
  readonly #lent = new LentMessages();
  #quiet = false;

  /** @param maxTasks Tasks that it may run before it is replaced. */
  constructor(number: number, name: string, child: WorkerChild, maxTasks: number) {
    super(number, name, child);
    this.#maxTasks = maxTasks;
    this.#slots = new TaskSlots(child.shared);
    this.#knowledge = new WorkerKnowledge(child);
  }

  get inFlight(): number {
    return this.#slots.count;
  }

  /** How many more tasks it may have at hand. */
  get room(): number {
    if (this.closed || this.child.exitCode !== null || this.child.garbage !== undefined) return 0;
    return Math.max(0, Math.min(this.#window - this.inFlight, this.#maxTasks - this.given, this.#slots.free));
  }

  /** Whether it may have one more task at hand, however much it has. */
  get hasPlace(): boolean {
    if (this.closed || this.child.exitCode !== null || this.child.garbage !== undefined) return false;
    return this.given < this.#maxTasks && this.#slots.free > 0;
  }

  /** It has run all the tasks that it may run. */
  get exhausted(): boolean {
    return this.inFlight === 0 && this.given >= this.#maxTasks;
  }

  override becomeReady(): void {
    super.becomeReady();
    this.#pace.begin();
  }

  get phase(): ProcessPhase {
    if (!this.booted) return 'starting';
    if (!this.ready) return 'initializing';
    const begun = this.begun();
    if (begun === undefined) return 'idle';
    return this.#slots.isReturning(begun) ? 'returning' : 'running';
  }

  /** Whether something waits in it that an idle worker could begin sooner. */
  worthRelieving(time: number): boolean {
    if (!this.waiting) return false;
    return !this.ready || this.#pace.keepsWaiting(this.inFlight, time);
  }

  /** Whether it has tasks that it has not begun. */
  get waiting(): boolean {
    return this.#slots.waiting;
  }

  /** Whether it has been running one task for much longer than those before; from then on it has room for no other. */
  isLate(time: number): boolean {
    return this.ready && this.inFlight > 0 && this.#pace.isLate(time);
  }

  /** Whether user code may run in it to load what the task needs: not beside another task. */
  mustLoad(task: Task): boolean {
    return this.#knowledge.lacks(task);
  }

  give(task: Task): void {
    if (this.inFlight === 0) this.#pace.begin();
    const sequence = this.#slots.add(task);
    task.state = 'sent';
    task.worker = this;
    this.given++;
    const { shelved } = task;
    if (shelved === undefined) {
      const { buffer, start, end } = task.encoded;
      writeHeader(task, sequence, buffer, start - TASK_HEADER_BYTES);
      this.#send(task, TASK, buffer, start - TASK_HEADER_BYTES, end);
    } else {
      this.#lent.lend(sequence, shelved);
      const frame = shelvedFrame(task, shelved, sequence);
      this.#send(task, TASK_SHELVED, frame, 0, frame.length);
    }
    this.#beQuiet(this.inFlight >= QUIET_FROM && this.#pace.isQuick);
  }

  #send(task: Task, kind: number, buffer: Uint8Array, start: number, end: number): void {
    if (this.mustLoad(task)) {
      const header = copyOfBytes(buffer, start, start + TASK_HEADER_BYTES);
      this.child.sendBytes(PREPARE, header, 0, TASK_HEADER_BYTES);
    }
    this.#knowledge.complete(task);
    if (task.context !== undefined) this.#surround(task.sequence, task.context);
    this.child.sendBytes(kind, buffer, start, end);
  }

  /** Takes a task back that it has not begun. */
  takeBack(task: Task): boolean {
    if (!this.#slots.takeBack(task)) return false;
    this.#lent.back(task.sequence);
    task.worker = undefined;
    this.given--;
    return true;
  }

  hasBegun(task: Task): boolean {
    return this.#slots.hasBegun(task);
  }

  /** The task it is running. */
  begun(): Task | undefined {
    return this.#slots.inOrder().find((task) => this.hasBegun(task));
  }

  /** The task that an answer is for. @throws {ProtocolError} If it has no such task. */
  answered(sequence: number): Task {
    const task = this.#slots.get(sequence);
    if (task === undefined) throw new ProtocolError(`${this.name} answered task ${sequence}, which it was not given`);
    this.#remove(task);
    this.#lent.back(sequence);
    this.#pace.count();
    return task;
  }

  /** The task with this sequence number, if it still has it. */
  holding(sequence: number): Task | undefined {
    return this.#slots.get(sequence);
  }

  /** Whether it runs a task that nobody wants any more. */
  get runsAbandoned(): boolean {
    return this.#slots.inOrder().some((task) => task.state === 'settled');
  }

  /** Takes back all that it has not begun. */
  takeBackAll(): Task[] {
    return this.#takeBack(Number.POSITIVE_INFINITY, () => true);
  }

  /** Takes back up to `count` of the tasks it would run last, but none that is meant for this very worker. */
  takeBackLast(count: number): Task[] {
    return this.#takeBack(count, (task) => task.broadcast === undefined);
  }

  #takeBack(count: number, may: (task: Task) => boolean): Task[] {
    const taken: Task[] = [];
    for (const task of this.#slots.inOrder().reverse()) {
      if (taken.length === count) break;
      if (!may(task)) continue;
      if (!this.takeBack(task)) break;
      if (this.child.backlog > 0 && task.shelved === undefined) task.encoded = copyOf(task.encoded); // perhaps half sent: those bytes must stay as they are
      taken.push(task);
    }
    return taken.reverse();
  }

  /** After its end: what it had begun, and what it had not. */
  takeAll(): { begun: Task[]; waiting: Task[] } {
    const tasks = this.#slots.inOrder();
    const begun = tasks.filter((task) => this.hasBegun(task) && task.state !== 'settled');
    const waiting = tasks.filter((task) => !this.hasBegun(task) && task.state !== 'settled');
    for (const task of tasks) this.#remove(task);
    return { begun, waiting };
  }

  /** It is gone: it reads nothing any more. */
  hasEnded(): void {
    this.#lent.allBack();
  }

  /** Called once per turn in which answers came: learns how quick it is. */
  measure(): void {
    if (this.#pace.learn() && this.inFlight === 0) this.#beQuiet(false);
  }

  /** Whether it answers in batches now, so that the engine must look by itself. */
  get quiet(): boolean {
    return this.#quiet;
  }

  /** From here on it rings for each answer again. */
  wakeUp(): void {
    this.#beQuiet(false);
    this.#pace.forget();
  }

  forget(job: Job): void {
    this.#knowledge.forget(job);
  }

  /** Whether the task, which it runs, wants to know that it is aborted. */
  listens(task: Task): boolean {
    return Atomics.load(this.child.shared, LISTENER_WORD) === task.sequence;
  }

  /** Tells the task, which it runs, why it is not wanted any more. */
  tellAbort(task: Task, reason: Encoded): void {
    this.#knowledge.ship(reason.definitions);
    const message = numbered(task.sequence, reason);
    this.child.sendBytes(ABORT, message, 0, message.length);
  }

  /** A number that changes as long as the process is not stopped, where it was asked to beat. */
  get beats(): number {
    return Atomics.load(this.child.shared, BEAT_WORD);
  }

  /** Milliseconds that it has been running a task, as far as is known; undefined: it runs none. */
  runningMs(time: number): number | undefined {
    return this.begun() === undefined ? undefined : Math.max(0, time - this.#pace.mark);
  }

  #beQuiet(quiet: boolean): void {
    if (quiet === this.#quiet) return;
    this.#quiet = quiet;
    Atomics.store(this.child.shared, QUIET_WORD, quiet ? 1 : 0);
  }

  get #window(): number {
    return this.ready ? this.#pace.window : 2;
  }

  #surround(sequence: number, context: Encoded): void {
    this.#knowledge.ship(context.definitions);
    const message = numbered(sequence, context);
    this.child.sendBytes(CONTEXT, message, 0, message.length);
  }

  #remove(task: Task): void {
    this.#slots.remove(task);
    task.worker = undefined;
  }
}
