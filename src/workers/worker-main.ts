/**
 * What a worker does: runs the initializer once, then the tasks it is given, one at a time, in order.
 *
 * Runs in workers only. Holds no lock and nothing else that others wait for; a task belongs to it from the
 * moment its claim word says so.
 */
import { origin } from '../logging/capture-state.js';
import { callable } from '../process/callable.js';
import { IN_PROCESS, startChild, type ParentLink, type Surroundings } from '../process/child-main.js';
import { catchFatal } from '../process/fatal.js';
import { type Boot, NOTHING } from '../process/frames.js';
import { faultPoint } from '../substrate/fault.js';
import type { MessageHandler } from '../substrate/ring.js';
import { decodeArgs, decodeCall, type DecodeOptions, decodeValue, encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { encodeFailure } from '../wire/remote-error.js';
import {
  BOOTED,
  CLAIM_CLAIMED,
  CLAIM_QUEUED,
  CLAIM_RETURNING,
  CLAIMS,
  type ChunkResult,
  claimWord,
  FLAG_CHUNK,
  FLAG_INLINE,
  FLAG_REPORT,
  FLAG_SPREAD,
  FORGET,
  INIT,
  INIT_FAILED,
  INITIALIZED,
  JOB,
  LIMIT,
  PREPARE,
  QUIET_WORD,
  readU32,
  RETIRING,
  SEQUENCE_BYTES,
  SHARED_BYTES,
  STOP,
  TASK,
  TASK_DONE,
  TASK_FAILED,
  TASK_HEADER_BYTES,
  TASK_STARTED,
  WORKER_FAILED,
  writeU32,
} from './worker-frames.js';

/** Lives a worker's life. */
export function runWorker(surroundings: Surroundings = IN_PROCESS): void {
  startChild({ start: (boot, parent) => new WorkerLoop(boot, parent, surroundings).receive }, surroundings);
}

type Callable = (...args: unknown[]) => unknown;

/** A function by number: bytes until its first use, so that what is wrong with it belongs to a task. */
interface Job {
  bytes: Uint8Array | undefined;
  call: Callable | undefined;
}

class WorkerLoop {
  readonly #parent: ParentLink;
  readonly #shared: Int32Array;
  readonly #origin: { name: string; pid: number };
  readonly #jobs = new Map<number, Job>();
  /** Messages that wait for the task before them. */
  readonly #waiting: { kind: number; bytes: Uint8Array }[] = [];
  #busy = true;
  #initialized = false;
  readonly #usedMemory: () => number;
  /** Bytes of its memory above which it ends after a task. */
  #memoryLimit = Number.POSITIVE_INFINITY;
  /** Sequence number of the task that it has begun, 0 for none. */
  #running = 0;

  constructor(boot: Boot, parent: ParentLink, { usedMemory }: Surroundings) {
    this.#usedMemory = usedMemory;
    this.#parent = parent;
    this.#shared = parent.shared(SHARED_BYTES);
    this.#origin = { name: boot.name, pid: process.pid };
    catchFatal((error) => this.#fatal(error));
    parent.sendBytes(BOOTED, NOTHING, 0, 0);
    parent.link.ringNow();
  }

  readonly receive: MessageHandler = (kind, buffer, start, end, owned) => {
    if (kind === INIT) this.#initialize(buffer, start, end);
    else if (this.#busy) this.#waiting.push({ kind, bytes: owned ? buffer.subarray(start, end) : buffer.slice(start, end) });
    else this.#handle(kind, buffer, start, end, owned);
  };

  #handle(kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    if (kind === TASK) this.#task(buffer, start, end, { owned });
    else if (kind === PREPARE) this.#begin(buffer, start);
    else if (kind === JOB)
      this.#jobs.set(readU32(buffer, start), { bytes: buffer.slice(start + SEQUENCE_BYTES, end), call: undefined });
    else if (kind === FORGET) this.#jobs.delete(readU32(buffer, start));
    else if (kind === LIMIT) this.#memoryLimit = readU32(buffer, start) * 2 ** 20;
    else if (kind === STOP) process.exit(0);
  }

  #initialize(buffer: Uint8Array, start: number, end: number): void {
    const run = async (): Promise<void> => {
      const { fn, args } = decodeCall(buffer, start, end);
      faultPoint('worker.initializing');
      if (typeof fn === 'function') await (fn as Callable)(...args);
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

  /** Goes on with what waited. */
  #free(): void {
    this.#busy = false;
    while (this.#waiting.length > 0 && !this.#busy) {
      const { kind, bytes } = this.#waiting.shift() as { kind: number; bytes: Uint8Array };
      this.#handle(kind, bytes, 0, bytes.length, true);
    }
  }

  /** Takes the task with this header, unless it has it already. False: it was taken back. */
  #begin(buffer: Uint8Array, start: number): boolean {
    const sequence = readU32(buffer, start);
    if (this.#running === sequence) return true;
    const queued = claimWord(sequence, CLAIM_QUEUED);
    if (Atomics.compareExchange(this.#shared, sequence % CLAIMS, queued, claimWord(sequence, CLAIM_CLAIMED)) !== queued)
      return false;
    this.#running = sequence;
    origin.taskId = readU32(buffer, start + 12);
    if ((readU32(buffer, start + 8) & FLAG_REPORT) !== 0) this.#report(sequence);
    return true;
  }

  #task(buffer: Uint8Array, start: number, end: number, options: DecodeOptions): void {
    if (!this.#begin(buffer, start)) return;
    const sequence = readU32(buffer, start);
    faultPoint('task.beforeDecode');
    let promise: Promise<unknown>;
    try {
      const flags = readU32(buffer, start + 8);
      const answer = this.#call(readU32(buffer, start + 4), flags, buffer, start + TASK_HEADER_BYTES, end, options);
      if (!isThenable(answer)) {
        this.#succeed(sequence, answer);
        return;
      }
      promise = Promise.resolve(answer);
    } catch (error) {
      this.#fail(sequence, error);
      return;
    }
    this.#busy = true;
    promise.then(
      (value) => {
        this.#succeed(sequence, value);
        this.#free();
      },
      (error: unknown) => {
        this.#fail(sequence, error);
        this.#free();
      },
    );
  }

  #call(jobNumber: number, flags: number, buffer: Uint8Array, start: number, end: number, options: DecodeOptions): unknown {
    let call: Callable;
    let args: unknown[];
    if ((flags & FLAG_INLINE) !== 0) {
      const decoded = decodeCall(buffer, start, end, options);
      call = callable(decoded.fn);
      args = decoded.args;
    } else {
      call = this.#job(jobNumber);
      args = decodeArgs(buffer, start, end, options);
    }
    faultPoint('task.running');
    if ((flags & FLAG_CHUNK) === 0) return args.length === 1 ? call(args[0]) : call(...args);
    return this.#runChunk((flags & FLAG_SPREAD) === 0 ? call : (item: unknown) => call(...(item as unknown[])), args);
  }

  #job(number: number): Callable {
    const job = this.#jobs.get(number);
    if (job === undefined) throw new Error(`worker has no job ${number}`);
    if (job.call === undefined) {
      const bytes = job.bytes as Uint8Array;
      job.call = callable(decodeValue(bytes, 0, bytes.length));
      job.bytes = undefined;
    }
    return job.call;
  }

  /** Calls for each item; stays synchronous as long as the calls do. */
  #runChunk(call: (item: unknown) => unknown, items: unknown[]): unknown {
    return this.#runFrom(0, call, items, { values: [], failures: [] });
  }

  #runFrom(first: number, call: (item: unknown) => unknown, items: unknown[], result: ChunkResult): unknown {
    const { values } = result; // filled in order, so that it has no holes: such an array is encoded faster
    const { length } = items;
    for (let i = first; i < length; i++) {
      let value: unknown;
      try {
        value = call(items[i]);
        if (!isThenable(value)) {
          values[i] = value;
          continue;
        }
      } catch (error) {
        this.#chunkFailure(result, i, error);
        continue;
      }
      return Promise.resolve(value).then(
        (settled) => {
          values[i] = settled;
          return this.#runFrom(i + 1, call, items, result);
        },
        (error: unknown) => {
          this.#chunkFailure(result, i, error);
          return this.#runFrom(i + 1, call, items, result);
        },
      );
    }
    return result;
  }

  #chunkFailure(result: ChunkResult, index: number, error: unknown): void {
    const { buffer, start, end, definitions } = encodeFailure(error, this.#origin);
    this.#parent.ship(definitions);
    result.failures.push([index, buffer.slice(start, end)]);
    result.values[index] = undefined;
  }

  #succeed(sequence: number, value: unknown): void {
    Atomics.store(this.#shared, sequence % CLAIMS, claimWord(sequence, CLAIM_RETURNING));
    let encoded: Encoded;
    try {
      encoded = encodeValue(value, 'result', RESULT_OPTIONS);
    } catch (error) {
      if (isChunkResult(value)) {
        this.#succeed(sequence, this.#withoutUnsendable(value));
        return;
      }
      this.#fail(sequence, error);
      return;
    }
    this.#answer(TASK_DONE, sequence, encoded);
  }

  /** Some value of a chunk cannot be sent: that item fails alone. */
  #withoutUnsendable(chunk: ChunkResult): ChunkResult {
    const result: ChunkResult = { values: chunk.values, failures: [...chunk.failures] };
    chunk.values.forEach((value, index) => {
      try {
        encodeValue(value, 'result');
      } catch (error) {
        this.#chunkFailure(result, index, error);
      }
    });
    return result;
  }

  #fail(sequence: number, error: unknown): void {
    this.#answer(TASK_FAILED, sequence, encodeFailure(error, this.#origin, HEADER));
  }

  #answer(kind: number, sequence: number, { buffer, start, end, definitions }: Encoded): void {
    this.#running = 0;
    origin.taskId = undefined;
    writeU32(buffer, start - SEQUENCE_BYTES, sequence);
    this.#parent.ship(definitions);
    faultPoint('result.beforeSend');
    this.#parent.sendBytes(kind, buffer, start - SEQUENCE_BYTES, end);
    if (Atomics.load(this.#shared, QUIET_WORD) === 0) this.#parent.link.ringNow();
    if (this.#memoryLimit !== Number.POSITIVE_INFINITY && this.#usedMemory() > this.#memoryLimit) this.#retire();
  }

  /** Ends; what it has not begun runs elsewhere. */
  #retire(): void {
    this.#parent.sendBytes(RETIRING, NOTHING, 0, 0);
    process.exit(0);
  }

  #report(sequence: number): void {
    const message = new Uint8Array(SEQUENCE_BYTES);
    writeU32(message, 0, sequence);
    this.#parent.sendBytes(TASK_STARTED, message, 0, SEQUENCE_BYTES);
    this.#parent.link.ringNow();
  }

  /** An error that no task returned or caught: it is the running task's, and this process is not trusted any more. */
  #fatal(error: unknown): void {
    if (this.#running !== 0) {
      this.#fail(this.#running, error);
      this.#parent.sendBytes(RETIRING, NOTHING, 0, 0);
    } else {
      if (this.#initialized) console.error(`Exception in ${this.#origin.name}, outside of any task:`, error);
      this.#parent.send(this.#initialized ? WORKER_FAILED : INIT_FAILED, encodeFailure(error, this.#origin));
    }
    process.exit(1);
  }
}

const HEADER = { headerBytes: SEQUENCE_BYTES };
const RESULT_OPTIONS = { headerBytes: SEQUENCE_BYTES, inFlight: true };

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

function isChunkResult(value: unknown): value is ChunkResult {
  return typeof value === 'object' && value !== null && 'failures' in value && 'values' in value;
}
