/**
 * One worker process as the engine sees it: its child, the tasks it has been given, how quick it is.
 *
 * Runs in the parent. Decides nothing: which tasks it gets and what its end means is the engine's.
 */
import type { ProcessPhase } from '../errors.js';
import { ProtocolError } from '../errors.js';
import { NOTHING } from '../process/frames.js';
import type { Child } from '../process/launcher.js';
import { now } from '../substrate/clock.js';
import type { Definition, Encoded } from '../wire/codec-types.js';
import type { Job } from './jobs.js';
import type { Task } from './task.js';
import { TaskSlots } from './task-slots.js';
import { FORGET, JOB, PREPARE, QUIET_WORD, SEQUENCE_BYTES, STOP, TASK, TASK_HEADER_BYTES, writeU32 } from './worker-frames.js';

/** Work that a worker shall have at hand, in milliseconds, so that it never waits for the next task. */
const AT_HAND_MS = 2;
const MAX_IN_FLIGHT = 200;
/** With so many tasks at hand, and these so quick, the worker answers in batches. */
const QUIET_FROM = 2;
const QUIET_BELOW_MS = 0.1;
/** A task that takes so long, and so many times longer than those before it, gets no others at hand behind it. */
const LATE_MS = 10;
const LATE_FACTOR = 4;
/** What would wait for so long may be given to an idle worker. */
const STEAL_ABOVE_MS = 0.3;
const SIGKILL = 9;

export class Worker {
  readonly number: number;
  readonly name: string;
  readonly child: Child;
  startLimit: NodeJS.Timeout | undefined;
  /** What it did not do in time, if it was killed for that. */
  unresponsive: string | undefined;
  /** It was told to end, or killed on purpose, or retires by itself: its end is no death. */
  expectedToEnd = false;
  /** No more tasks for it. */
  closed = false;
  /** Tasks given in all, less those taken back. */
  given = 0;
  readonly #slots: TaskSlots;
  readonly #jobs = new Set<number>();
  /** Definitions that it has. */
  readonly #defined = new Set<number>();
  readonly #maxTasks: number;
  #booted = false;
  #ready = false;
  #late = false;
  /** Mean time of a task in milliseconds; undefined before the first. */
  #serviceMs: number | undefined;
  #doneSinceMark = 0;
  #mark = 0;

  /** @param maxTasks Tasks that it may run before it is replaced. */
  constructor(number: number, name: string, child: Child, maxTasks: number) {
    this.#maxTasks = maxTasks;
    this.number = number;
    this.name = name;
    this.child = child;
    this.#slots = new TaskSlots(child.shared);
  }

  get inFlight(): number {
    return this.#slots.count;
  }

  /** How many more tasks it may have at hand. */
  get room(): number {
    if (this.closed || this.child.exitCode !== null || this.child.garbage !== undefined) return 0;
    return Math.max(0, Math.min(this.#window() - this.inFlight, this.#maxTasks - this.given, this.#slots.free));
  }

  /** It has run all the tasks that it may run. */
  get exhausted(): boolean {
    return this.inFlight === 0 && this.given >= this.#maxTasks;
  }

  /** The process is up. */
  get booted(): boolean {
    return this.#booted;
  }

  becomeBooted(): void {
    this.#booted = true;
    clearTimeout(this.startLimit);
  }

  /** Its initializer has returned. */
  get ready(): boolean {
    return this.#ready;
  }

  becomeReady(): void {
    this.#ready = true;
    this.#mark = now();
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
    if (!this.ready) return true;
    const silent = time - this.#mark;
    if (this.inFlight === 1) return silent > LATE_MS; // sent to an idle worker: it must be stopped, or worse
    return silent > STEAL_ABOVE_MS || (this.#serviceMs ?? Number.POSITIVE_INFINITY) * this.inFlight > STEAL_ABOVE_MS;
  }

  /** Whether it has tasks that it has not begun. */
  get waiting(): boolean {
    return this.#slots.waiting;
  }

  /** Whether it has been running one task for much longer than those before; from then on it has room for no other. */
  isLate(time: number): boolean {
    this.#late = this.#ready && this.inFlight > 0 && time - this.#mark > Math.max(LATE_MS, LATE_FACTOR * (this.#serviceMs ?? 0));
    return this.#late;
  }

  /** Whether user code may run in it to load what the task needs: not beside another task. */
  mustLoad(task: Task): boolean {
    if (task.job !== undefined && !this.#jobs.has(task.job.id) && !this.#hasAll(task.job.encoded.definitions)) return true;
    return !this.#hasAll(task.encoded.definitions);
  }

  give(task: Task): void {
    if (this.inFlight === 0) {
      this.#mark = now();
      this.#doneSinceMark = 0;
    }
    const sequence = this.#slots.add(task);
    task.state = 'sent';
    task.worker = this;
    this.given++;
    const { buffer, start, end, definitions } = task.encoded;
    writeU32(buffer, start - 16, sequence);
    writeU32(buffer, start - 12, task.job?.id ?? 0);
    writeU32(buffer, start - 8, task.flags);
    writeU32(buffer, start - 4, task.id);
    if (this.mustLoad(task)) this.child.sendBytes(PREPARE, buffer.slice(start - TASK_HEADER_BYTES, start), 0, TASK_HEADER_BYTES);
    if (task.job !== undefined) this.#introduce(task.job);
    this.#ship(definitions);
    this.child.sendBytes(TASK, buffer, start - TASK_HEADER_BYTES, end);
    this.#beQuiet(this.inFlight >= QUIET_FROM && (this.#serviceMs ?? Number.POSITIVE_INFINITY) < QUIET_BELOW_MS);
  }

  /** Takes a task back that it has not begun. */
  takeBack(task: Task): boolean {
    if (!this.#slots.takeBack(task)) return false;
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
    this.#doneSinceMark++;
    return task;
  }

  /** The task with this sequence number, if it still has it. */
  holding(sequence: number): Task | undefined {
    return this.#slots.get(sequence);
  }

  /** Takes back up to `count` of the tasks it would run last. */
  takeBackLast(count: number): Task[] {
    const taken: Task[] = [];
    for (const task of this.#slots.inOrder().reverse()) {
      if (taken.length === count || !this.takeBack(task)) break;
      if (this.child.backlog > 0) task.encoded = copyOf(task.encoded); // perhaps half sent: those bytes must stay as they are
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

  /** Called once per turn in which answers came: learns how quick it is. */
  measure(): void {
    if (this.#doneSinceMark === 0) return;
    const time = now();
    const each = (time - this.#mark) / this.#doneSinceMark;
    this.#serviceMs = this.#serviceMs === undefined ? each : this.#serviceMs * 0.7 + each * 0.3;
    this.#mark = time;
    this.#doneSinceMark = 0;
    this.#late = false;
    if (this.inFlight === 0) this.#beQuiet(false);
  }

  /** Whether it answers in batches now, so that the engine must look by itself. */
  get quiet(): boolean {
    return this.#quiet;
  }

  /** From here on it rings for each answer again. */
  wakeUp(): void {
    this.#beQuiet(false);
    this.#serviceMs = undefined;
  }

  forget(job: Job): void {
    if (!this.#jobs.delete(job.id)) return;
    const message = new Uint8Array(4);
    writeU32(message, 0, job.id);
    this.child.sendBytes(FORGET, message, 0, 4);
  }

  /** Lets it end when it has done what it has. */
  stop(): void {
    if (this.expectedToEnd) return;
    this.closed = true;
    this.expectedToEnd = true;
    this.child.sendBytes(STOP, NOTHING, 0, 0);
  }

  /** It has said that it ends by itself. */
  becomeLeaving(): void {
    this.closed = true;
    this.expectedToEnd = true;
  }

  /** Kills it because it did not do something in time: that is a death. */
  endUnresponsive(what: string): void {
    this.unresponsive = what;
    this.child.signal(SIGKILL);
  }

  /** Ends it now. */
  end(signal: number): void {
    this.closed = true;
    this.expectedToEnd = true;
    this.child.signal(signal);
  }

  #quiet = false;

  #beQuiet(quiet: boolean): void {
    if (quiet === this.#quiet) return;
    this.#quiet = quiet;
    Atomics.store(this.child.shared, QUIET_WORD, quiet ? 1 : 0);
  }

  #window(): number {
    if (this.#late) return 1;
    if (!this.ready || this.#serviceMs === undefined) return 2;
    return Math.min(MAX_IN_FLIGHT, Math.max(2, Math.ceil(AT_HAND_MS / this.#serviceMs)));
  }

  #introduce(job: Job): void {
    if (this.#jobs.has(job.id)) return;
    this.#jobs.add(job.id);
    const { buffer, start, end, definitions } = job.encoded;
    const message = new Uint8Array(SEQUENCE_BYTES + end - start);
    writeU32(message, 0, job.id);
    message.set(buffer.subarray(start, end), SEQUENCE_BYTES);
    this.#ship(definitions);
    this.child.sendBytes(JOB, message, 0, message.length);
  }

  #ship(definitions: readonly Definition[]): void {
    for (const { id } of definitions) this.#defined.add(id);
    this.child.ship(definitions);
  }

  #hasAll(definitions: readonly Definition[]): boolean {
    for (const { id } of definitions) if (!this.#defined.has(id)) return false;
    return true;
  }

  #remove(task: Task): void {
    this.#slots.remove(task);
    task.worker = undefined;
  }
}

/** The same message in bytes of its own, with room for the header. */
function copyOf({ buffer, start, end, definitions, holds }: Encoded): Encoded {
  return {
    buffer: buffer.slice(start - TASK_HEADER_BYTES, end),
    start: TASK_HEADER_BYTES,
    end: end - start + TASK_HEADER_BYTES,
    definitions,
    holds,
  };
}
