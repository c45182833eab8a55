/**
 * What a worker does: runs the initializer once, then the tasks it is given, one at a time, in order.
 *
 * Runs in workers only. Holds no lock and nothing else that others wait for.
 */
import { IN_PROCESS, startChild, type ParentLink, type Surroundings } from '../process/child-main.js';
import { catchFatal } from '../process/fatal.js';
import { type Boot, NOTHING } from '../process/frames.js';
import { faultPoint } from '../substrate/fault.js';
import type { MessageHandler } from '../substrate/ring-consumer.js';
import { decodeCall } from '../wire/codec.js';
import { encodeFailure } from '../wire/remote-error.js';
import { setTaskSource } from './current-task.js';
import { bytesOf, readPlace } from './message-shelf.js';
import { type Origin, TaskRun } from './task-run.js';
import {
  ABORT,
  BEAT,
  BEAT_WORD,
  BOOTED,
  CONTEXT,
  FORGET,
  INIT,
  INIT_FAILED,
  INITIALIZED,
  JOB,
  LIMIT,
  PREPARE,
  readU32,
  RETIRING,
  SHARED_BYTES,
  STOP,
  TASK,
  TASK_HEADER_BYTES,
  TASK_SHELVED,
  WORKER_FAILED,
} from './worker-frames.js';
import { exceptionText } from '../process/exception-text.js';

/** Lives a worker's life. */
export function runWorker(surroundings: Surroundings = IN_PROCESS): void {
  startChild({ start: (boot, parent) => new WorkerLoop(boot, parent, surroundings).receive }, surroundings);
}

class WorkerLoop {
  readonly #parent: ParentLink;
  readonly #origin: Origin;
  readonly #run: TaskRun;
  /** Messages that wait for the task before them. */
  readonly #waiting: { kind: number; bytes: Uint8Array }[] = [];
  #busy = true;
  #initialized = false;
  readonly #usedMemory: () => number;
  /** Bytes of its memory above which it ends after a task. */
  #memoryLimit = Number.POSITIVE_INFINITY;

  constructor(boot: Boot, parent: ParentLink, { usedMemory }: Surroundings) {
    this.#usedMemory = usedMemory;
    this.#parent = parent;
    this.#origin = { name: boot.name, pid: process.pid };
    this.#run = new TaskRun(parent, parent.shared(SHARED_BYTES), this.#origin);
    setTaskSource(() => this.#run.current);
    catchFatal((error) => this.#fatal(error));
    parent.sendBytes(BOOTED, NOTHING, 0, 0);
    parent.link.ringNow();
  }

  readonly receive: MessageHandler = (kind, buffer, start, end, owned) => {
    if (kind === INIT) this.#initialize(buffer, start, end);
    else if (kind === ABORT) this.#run.abort(buffer, start, end);
    else if (kind === BEAT) this.#parent.beat(BEAT_WORD, readU32(buffer, start));
    else if (this.#busy) this.#waiting.push({ kind, bytes: owned ? buffer.subarray(start, end) : buffer.slice(start, end) });
    else this.#handle(kind, buffer, start, end, owned);
  };

  #handle(kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    if (kind === TASK) this.#task(buffer, start, end, owned);
    else if (kind === TASK_SHELVED) this.#shelvedTask(buffer, start);
    else if (kind === PREPARE) this.#run.begin(buffer, start);
    else if (kind === JOB) this.#run.jobs.learn(buffer, start, end);
    else if (kind === FORGET) this.#run.jobs.forget(buffer, start);
    else if (kind === CONTEXT) this.#run.learnContext(buffer, start, end);
    else if (kind === LIMIT) this.#memoryLimit = readU32(buffer, start) * 2 ** 20;
    else if (kind === STOP) process.exit(0);
  }

  #initialize(buffer: Uint8Array, start: number, end: number): void {
    const run = async (): Promise<void> => {
      const { fn, args } = decodeCall(buffer, start, end);
      faultPoint('worker.initializing');
      if (typeof fn === 'function') await (fn as (...args: unknown[]) => unknown)(...args);
    };
    run().then(
      () => {
        this.#initialized = true;
        this.#parent.sendBytes(INITIALIZED, NOTHING, 0, 0);
        this.#free();
      },
      (error: unknown) => {
        this.#parent.send(INIT_FAILED, encodeFailure(error, this.#origin));
        process.exit(1);
      },
    );
  }

  #task(buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    if (this.#run.begin(buffer, start))
      this.#goOnAfter(this.#run.run(readU32(buffer, start + 4), buffer, start + TASK_HEADER_BYTES, end, { owned }));
  }

  /** Its message lies in memory of the engine, which writes there again when this task is answered. */
  #shelvedTask(frame: Uint8Array, start: number): void {
    if (!this.#run.begin(frame, start)) return;
    const bytes = bytesOf(readPlace(frame, start + TASK_HEADER_BYTES));
    faultPoint('shelf.read');
    this.#goOnAfter(this.#run.run(readU32(frame, start + 4), bytes, 0, bytes.length, { owned: false }));
  }

  #goOnAfter(over: Promise<void> | undefined): void {
    if (over === undefined) {
      this.#retireIfLarge();
      return;
    }
    this.#busy = true;
    void over.then(() => {
      this.#retireIfLarge();
      this.#free();
    });
  }

  /** Goes on with what waited. */
  #free(): void {
    this.#busy = false;
    while (this.#waiting.length > 0 && !this.#busy) {
      const { kind, bytes } = this.#waiting.shift() as { kind: number; bytes: Uint8Array };
      this.#handle(kind, bytes, 0, bytes.length, true);
    }
  }

  /** Ends if it has become too large; what it has not begun runs elsewhere. */
  #retireIfLarge(): void {
    if (this.#memoryLimit === Number.POSITIVE_INFINITY || this.#usedMemory() <= this.#memoryLimit) return;
    this.#parent.sendBytes(RETIRING, NOTHING, 0, 0);
    process.exit(0);
  }

  /** An error that no task returned or caught: it is the running task's, and this process is not trusted any more. */
  #fatal(error: unknown): void {
    if (this.#run.running !== 0) {
      this.#run.fail(error);
      this.#parent.sendBytes(RETIRING, NOTHING, 0, 0);
    } else {
      if (this.#initialized) console.error(exceptionText(`${this.#origin.name}, outside of any task`, error));
      this.#parent.send(this.#initialized ? WORKER_FAILED : INIT_FAILED, encodeFailure(error, this.#origin));
    }
    process.exit(1);
  }
}
