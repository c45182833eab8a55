/**
 * How a worker runs one task: claims it, decodes it, calls the function, answers.
 *
 * Runs in workers only. A task belongs to the worker from the moment its claim word says so; whatever goes wrong from
 * then on is that task's error.
 */
import { callable } from '../process/callable.js';
import { origin as recordOrigin } from '../logging/capture-state.js';
import type { ParentLink } from '../process/child-main.js';
import { now } from '../substrate/clock.js';
import { faultPoint } from '../substrate/fault.js';
import { decodeArgs, decodeCall, type DecodeOptions, decodeValue, encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { encodeFailure } from '../wire/remote-error.js';
import { withCarried } from './carried-values.js';
import { addFailure, isThenable, runChunk } from './chunk-run.js';
import { type Callable, KnownJobs } from './known-jobs.js';
import { inOnePiece, LARGE_BYTES, LargeMessages } from './large-message.js';
import { PLACE_BYTES, type ShelvedMessage, writePlace } from './message-shelf.js';
import { RunningTask } from './running-task.js';
import type { TaskContext } from './task-context.js';
import {
  ANSWER_HEADER_BYTES,
  ATTEMPT_SHIFT,
  CLAIM_CLAIMED,
  CLAIM_QUEUED,
  CLAIM_RETURNING,
  CLAIMS,
  type ChunkResult,
  claimWord,
  FLAG_CHUNK,
  FLAG_CONTEXT,
  FLAG_INLINE,
  FLAG_REPORT,
  FLAG_SPREAD,
  QUIET_WORD,
  readU32,
  SEQUENCE_BYTES,
  TASK_DONE,
  TASK_DONE_SHELVED,
  TASK_FAILED,
  TASK_STARTED,
  writeF64,
  writeU32,
  copyOfBytes,
} from './worker-frames.js';

/** Whose errors they are. */
export interface Origin {
  readonly name: string;
  readonly pid: number;
}

export class TaskRun {
  readonly jobs: KnownJobs = new KnownJobs();
  readonly #parent: ParentLink;
  readonly #shared: Int32Array;
  readonly #origin: Origin;
  readonly #large = new LargeMessages();
  /** By sequence number: contexts of tasks to come, encoded. */
  readonly #contexts = new Map<number, Uint8Array>();
  /** Sequence number of the task that it has begun, 0 for none. */
  #running = 0;
  /** Of that task: flags and attempt, id, what it takes along, when it began. */
  #flags = 0;
  #taskId = 0;
  #context: TaskContext | undefined;
  #began = 0;
  /** That task, once it has asked for itself. */
  #current: RunningTask | undefined;
  /** When the task before ended, if that was in this very turn; else 0. */
  #ended = 0;

  constructor(parent: ParentLink, shared: Int32Array, origin: Origin) {
    this.#parent = parent;
    this.#shared = shared;
    this.#origin = origin;
  }

  /** Sequence number of the task that has begun and is not over, 0 for none. */
  get running(): number {
    return this.#running;
  }

  /** The task that runs, for itself. */
  get current(): RunningTask | null {
    if (this.#running === 0) return null;
    this.#current ??= new RunningTask(this.#parent, this.#shared, {
      sequence: this.#running,
      id: this.#taskId,
      attempt: this.#flags >>> ATTEMPT_SHIFT,
      traceparent: this.#context?.traceparent,
    });
    return this.#current;
  }

  learnContext(buffer: Uint8Array, start: number, end: number): void {
    this.#contexts.set(readU32(buffer, start), buffer.slice(start + SEQUENCE_BYTES, end));
  }

  /** Tells the running task that it is not wanted any more. */
  abort(buffer: Uint8Array, start: number, end: number): void {
    if (readU32(buffer, start) === this.#running) this.#current?.abort(buffer, start + SEQUENCE_BYTES, end);
  }

  /** Takes the task with this header, unless it has it already. False: it was taken back. */
  begin(buffer: Uint8Array, start: number): boolean {
    const sequence = readU32(buffer, start);
    if (this.#running === sequence) return true;
    const queued = claimWord(sequence, CLAIM_QUEUED);
    if (Atomics.compareExchange(this.#shared, sequence % CLAIMS, queued, claimWord(sequence, CLAIM_CLAIMED)) !== queued) {
      this.#contexts.delete(sequence);
      return false;
    }
    this.#running = sequence;
    this.#began = this.#ended === 0 ? now() : this.#ended;
    this.#flags = readU32(buffer, start + 8);
    this.#taskId = readU32(buffer, start + 12) + readU32(buffer, start + 16) * 2 ** 32;
    recordOrigin.taskId = this.#taskId;
    if ((this.#flags & FLAG_REPORT) !== 0) this.#report(sequence);
    return true;
  }

  /** Runs the task that has begun, whose message this is, and answers. A promise, which never rejects, where that takes longer. */
  run(jobNumber: number, buffer: Uint8Array, start: number, end: number, options: DecodeOptions): Promise<void> | undefined {
    const sequence = this.#running;
    faultPoint('task.beforeDecode');
    let promise: Promise<unknown>;
    try {
      const answer = this.#call(jobNumber, buffer, start, end, options);
      if (!isThenable(answer)) {
        this.#succeed(sequence, answer);
        return undefined;
      }
      promise = Promise.resolve(answer);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
    return promise.then(
      (value) => this.#succeed(sequence, value),
      (error: unknown) => this.fail(error),
    );
  }

  /** Answers the running task with an error. */
  fail(error: unknown): void {
    this.#answer(TASK_FAILED, this.#running, encodeFailure(error, this.#origin, HEADER));
  }

  #call(jobNumber: number, buffer: Uint8Array, start: number, end: number, options: DecodeOptions): unknown {
    let call: Callable;
    let args: unknown[];
    if ((this.#flags & FLAG_INLINE) !== 0) {
      const decoded = decodeCall(buffer, start, end, options);
      call = callable(decoded.fn);
      args = decoded.args;
    } else {
      call = this.jobs.get(jobNumber);
      args = decodeArgs(buffer, start, end, options);
    }
    if ((this.#flags & FLAG_CONTEXT) !== 0) this.#takeContext();
    faultPoint('task.running');
    const values = this.#context?.values;
    return values === undefined ? this.#apply(call, args) : withCarried(values, () => this.#apply(call, args));
  }

  #apply(call: Callable, args: unknown[]): unknown {
    if ((this.#flags & FLAG_CHUNK) === 0) return args.length === 1 ? call(args[0]) : call(...args);
    const each = (this.#flags & FLAG_SPREAD) === 0 ? call : (item: unknown) => call(...(item as unknown[]));
    return runChunk(each, args, this.#encodeItemFailure);
  }

  #takeContext(): void {
    const bytes = this.#contexts.get(this.#running);
    this.#contexts.delete(this.#running);
    if (bytes !== undefined) this.#context = decodeValue(bytes, 0, bytes.length) as TaskContext;
  }

  readonly #encodeItemFailure = (error: unknown): Uint8Array => {
    const { buffer, start, end, definitions } = encodeFailure(error, this.#origin);
    this.#parent.ship(definitions);
    return copyOfBytes(buffer, start, end);
  };

  #succeed(sequence: number, value: unknown): void {
    Atomics.store(this.#shared, sequence % CLAIMS, claimWord(sequence, CLAIM_RETURNING));
    let encoded: Encoded;
    try {
      encoded = encodeValue(value, 'result', RESULT_OPTIONS);
    } catch (error) {
      if (isChunkResult(value)) this.#succeed(sequence, this.#withoutUnsendable(value));
      else this.fail(error);
      return;
    }
    const shelved = this.#large.put(encoded);
    if (shelved === undefined) this.#answer(TASK_DONE, sequence, inOnePiece(encoded, ANSWER_HEADER_BYTES));
    else this.#answerShelved(sequence, shelved, encoded);
  }

  /** Some value of a chunk cannot be sent: that item fails alone. */
  #withoutUnsendable(chunk: ChunkResult): ChunkResult {
    const result: ChunkResult = { values: chunk.values, failures: [...chunk.failures] };
    chunk.values.forEach((value, index) => {
      try {
        encodeValue(value, 'result');
      } catch (error) {
        addFailure(result, index, this.#encodeItemFailure(error));
      }
    });
    return result;
  }

  #answer(kind: number, sequence: number, { buffer, start, end, definitions }: Encoded): void {
    this.#endTask();
    const header = start - ANSWER_HEADER_BYTES;
    this.#writeHeader(sequence, buffer, header);
    this.#parent.ship(definitions);
    this.#send(kind, buffer, header, end);
  }

  #answerShelved(sequence: number, shelved: ShelvedMessage, { definitions }: Encoded): void {
    this.#endTask();
    const frame = new Uint8Array(ANSWER_HEADER_BYTES + PLACE_BYTES);
    this.#writeHeader(sequence, frame, 0);
    writePlace(frame, ANSWER_HEADER_BYTES, shelved);
    this.#parent.ship(definitions);
    this.#send(TASK_DONE_SHELVED, frame, 0, frame.length);
  }

  #writeHeader(sequence: number, buffer: Uint8Array, header: number): void {
    writeU32(buffer, header, sequence);
    writeF64(buffer, header + 4, this.#began);
    writeF64(buffer, header + 12, this.#ended);
  }

  #send(kind: number, buffer: Uint8Array, start: number, end: number): void {
    faultPoint('result.beforeSend');
    this.#parent.sendBytes(kind, buffer, start, end);
    if (Atomics.load(this.#shared, QUIET_WORD) === 0) this.#parent.link.ringNow();
  }

  #endTask(): void {
    if (this.#ended === 0) queueMicrotask(this.#endTurn);
    this.#ended = now();
    this.#running = 0;
    recordOrigin.taskId = undefined;
    this.#context = undefined;
    this.#current?.end();
    this.#current = undefined;
  }

  /** The next task does not begin at once. */
  readonly #endTurn = (): void => {
    this.#ended = 0;
  };

  #report(sequence: number): void {
    const message = new Uint8Array(SEQUENCE_BYTES);
    writeU32(message, 0, sequence);
    this.#parent.sendBytes(TASK_STARTED, message, 0, SEQUENCE_BYTES);
    this.#parent.link.ringNow();
  }
}

const HEADER = { headerBytes: ANSWER_HEADER_BYTES };
const RESULT_OPTIONS = { headerBytes: ANSWER_HEADER_BYTES, inFlight: true, ...LARGE_BYTES };

function isChunkResult(value: unknown): value is ChunkResult {
  return typeof value === 'object' && value !== null && 'failures' in value && 'values' in value;
}
