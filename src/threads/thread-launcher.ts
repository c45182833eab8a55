/**
 * Starts a thread as a child: what `process/launcher.ts` does with an operating system's process, with one of
 * `worker_threads`.
 *
 * Runs in parents. A thread has no signals: SIGTERM and SIGKILL end it between two instructions of JavaScript,
 * SIGINT runs its handler where it has one. Its end is noticed when node has cleaned up after it; by then its locks
 * are poisoned (its guardians are gone), its doorbell is closed and its children are killed.
 */
import type { Readable } from 'node:stream';
import type { ResourceLimits as WorkerLimits, Worker } from 'node:worker_threads';
import { fileBeside, fileOfPackage } from '../native/own-files.js';
import { signalNumber } from '../process/exit-status.js';
import { INTERRUPT } from '../process/frames.js';
import { type Child, type ChildRequest, homeArgument, launchWith, type Place, type Started } from '../process/launcher.js';
import type { ProcessOptions } from '../process/process-options.js';
import { limitsOf } from '../process/resource-limits.js';
import { Bell } from '../substrate/doorbell.js';
import { self } from '../substrate/self.js';
import { INTERRUPT_BYTES, LISTENS, LOADING, STARTING, STATE, type ThreadData, UNWANTED } from './thread-data.js';

/** What of a Process's options a thread heeds. */
export type ThreadStart = Pick<ProcessOptions, 'env' | 'execArgv' | 'stdio' | 'maxOldSpaceMb' | 'resourceLimits'>;

/** The programs of threads. */
export type ThreadEntry = 'thread-entry.cjs' | 'thread-worker-entry.cjs';

/** Starts a thread. @throws {Error} If node refuses a flag; nothing is left then. */
export function launchThread(options: ThreadStart, request: ChildRequest, entry: ThreadEntry = 'thread-entry.cjs'): Child {
  return launchWith((place) => startThread(entryFile(entry), options, request, place), request);
}

function startThread(file: string, options: ThreadStart, request: ChildRequest, place: Place): Started {
  const { stdio = 'inherit' } = options;
  const interrupt = new Int32Array(new SharedArrayBuffer(INTERRUPT_BYTES));
  const data: ThreadData = { env: options.env ?? {}, parentBellFd: self().doorbell.writeFd, interrupt };
  const { Worker } = process.getBuiltinModule('node:worker_threads'); // not at every import of the library: it takes node 2 ms
  const worker = new Worker(file, {
    argv: [homeArgument(request, place)],
    ...(request.name !== undefined && { name: request.name }),
    workerData: data,
    stdout: stdio !== 'inherit',
    stderr: stdio !== 'inherit',
    ...(options.execArgv !== undefined && { execArgv: [...options.execArgv] }),
    resourceLimits: limitsOf(options) as WorkerLimits,
  });
  worker.unref(); // the doorbell keeps the event loop alive for those that shall
  if (stdio === 'ignore') for (const stream of [worker.stdout, worker.stderr]) stream.resume();
  const running = new RunningThread(worker, interrupt, place.send);
  return {
    pid: process.pid,
    bell: new Bell(place.participant),
    stdout: outputOf(stdio, worker.stdout),
    stderr: outputOf(stdio, worker.stderr),
    watch: (onEnd) => running.watch(onEnd),
    look() {},
    signal: (number) => running.signal(number),
    pidfd: () => -1,
  };
}

function outputOf(stdio: ProcessOptions['stdio'], stream: Readable): Readable | null {
  return stdio === 'pipe' ? stream : null;
}

class RunningThread {
  readonly #worker: Worker;
  readonly #interrupt: Int32Array;
  readonly #send: (kind: number) => void;
  #ended = false;
  /** The signal that ends it. */
  #endedBy: number | undefined;
  #outOfMemory = false;
  #grace: NodeJS.Timeout | undefined;

  constructor(worker: Worker, interrupt: Int32Array, send: (kind: number) => void) {
    this.#worker = worker;
    this.#interrupt = interrupt;
    this.#send = send;
  }

  watch(onEnd: (status: number) => void): void {
    this.#worker.on('error', (error: unknown) => {
      this.#outOfMemory = (error as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
      // Its own errors arrive over the link. These are of its start, which a process would print too.
      if (!this.#outOfMemory)
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    });
    this.#worker.on('exit', (code) => {
      this.#ended = true;
      clearTimeout(this.#grace);
      onEnd(this.#statusOf(code));
    });
  }

  signal(number: number): boolean {
    if (this.#ended || this.#endedBy !== undefined) return false;
    if (number === 0) return true;
    if (number === SIGINT && Atomics.load(this.#interrupt, LISTENS) === 1) {
      this.#send(INTERRUPT);
      return true;
    }
    this.#endedBy = number;
    this.#end();
    return true;
  }

  /** A thread that node ends while it loads a file leaves that open, and one that requires an ES module takes the process with it. */
  #end(): void {
    const grace = GRACES_MS.get(Atomics.exchange(this.#interrupt, STATE, UNWANTED));
    const terminate = () => void this.#worker.terminate();
    if (grace === undefined) terminate();
    else this.#grace = setTimeout(terminate, grace).unref();
  }

  #statusOf(code: number): number {
    if (this.#endedBy !== undefined && CODES_OF_TERMINATED.has(code)) return -this.#endedBy;
    return this.#outOfMemory ? CODE_OF_HEAP_LIMIT : code & LAST_BYTE;
  }
}

const SIGINT = signalNumber('SIGINT');
/** From the wish to end a thread that loads this library, or modules of the user, to its end by force, in milliseconds. */
const GRACES_MS: ReadonlyMap<number, number> = new Map([
  [STARTING, 1000],
  [LOADING, 400], // their code may run for ever
]);
/** 0: before it ran. */
const CODES_OF_TERMINATED: ReadonlySet<number> = new Set([0, 1]);
/** What node's processes end with then. */
const CODE_OF_HEAP_LIMIT = 134;
/** All that the operating system keeps of a process's code. A thread's might be taken for a signal: −1. */
const LAST_BYTE = 0xff;

/** Beside this code in the package, or in the package when this code is in somebody's bundle. */
function entryFile(name: ThreadEntry): string {
  let file = entryFiles.get(name);
  if (file === undefined) {
    file = fileBeside(import.meta.url, `./${name}`, `../workers/${name}`) ?? fileOfPackage(`dist/bundle/${name}`);
    entryFiles.set(name, file);
  }
  return file;
}

const entryFiles = new Map<ThreadEntry, string>();
