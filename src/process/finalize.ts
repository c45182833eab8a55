/**
 * `Finalize`: what is to be done once, when an object is gone or when the process ends, in an order that can be chosen.
 *
 * Runs in every process and thread. `process-end.ts` says when those with a priority run.
 */
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { currentName } from './identity.js';
import { addEndStep, lastWords } from './process-end.js';

export interface FinalizeOptions<A extends unknown[]> {
  readonly args?: A | undefined;
  /** When the process ends: higher ones first, of equal ones the last made. Default: not then. */
  readonly exitPriority?: number | undefined;
}

interface Entry {
  readonly call: () => unknown;
  readonly priority: number | undefined;
  readonly pid: number;
}

/** Those that have not run, in the order in which they were made. */
const entries = new Map<Finalize<never[]>, Entry>();
const collected = new FinalizationRegistry<WeakRef<Finalize<never[]>>>((finalizer) => finalizer.deref()?.run());

/**
 * Calls a function once: by hand, when an object has been collected, or at the end of the process.
 *
 * - At the end of a child the promise that a callback returns is awaited; at the end of a main program, and after
 *   `process.exit()`, callbacks are only begun.
 * - A callback must not refer to the object it belongs to: it would never be collected.
 * - A killed process runs none.
 *
 * @example
 * const finalizer = new Finalize(null, () => console.log('bye'), { exitPriority: 10 });
 * console.log(finalizer.stillActive()); // true
 *
 * @python `multiprocessing.util.Finalize`
 */
export class Finalize<A extends unknown[] = unknown[], R = unknown> {
  /**
   * @param object What it belongs to, if anything.
   * @throws {TypeError} If there is neither an object nor a priority, or an argument has the wrong type.
   */
  constructor(object: object | null, callback: (...args: A) => R, options: FinalizeOptions<A> = {}) {
    checkOptionsObject('Cannot create a finalizer', options);
    const { args, exitPriority } = options;
    if (typeof callback !== 'function')
      throw new TypeError(`Cannot create a finalizer: the callback must be a function, received ${String(callback)}`);
    if (exitPriority !== undefined && (typeof exitPriority !== 'number' || Number.isNaN(exitPriority)))
      throw new TypeError(`Cannot create a finalizer: exitPriority must be a number, received ${String(exitPriority)}`);
    if (object === null && exitPriority === undefined)
      throw new TypeError('Cannot create a finalizer: it needs an object or an exitPriority, received neither');
    const given = [...(args ?? [])] as unknown as A;
    const me = this as unknown as Finalize<never[]>;
    entries.set(me, { call: () => callback(...given), priority: exitPriority, pid: process.pid });
    if (object !== null) collected.register(object, new WeakRef(me), this);
  }

  /** Calls the callback, the first time. @returns What it returned; undefined if it was called or cancelled before. */
  run(): R | undefined {
    const entry = this.#take();
    return entry === undefined || entry.pid !== process.pid ? undefined : (entry.call() as R);
  }

  /** It will not be called. */
  cancel(): void {
    this.#take();
  }

  /** Whether it may still be called. */
  stillActive(): boolean {
    return entries.has(this as unknown as Finalize<never[]>);
  }

  #take(): Entry | undefined {
    const me = this as unknown as Finalize<never[]>;
    const entry = entries.get(me);
    entries.delete(me);
    if (entry !== undefined) collected.unregister(this);
    return entry;
  }
}

/** Those of priority 0 and above, or those below, each once, the next one when it is asked for. */
function* finalizersOf(stage: 'finalizers' | 'last finalizers'): Generator<Finalize<never[]>> {
  for (;;) {
    let next: [finalizer: Finalize<never[]>, priority: number] | undefined;
    for (const [finalizer, { priority }] of entries) {
      if (priority === undefined || priority >= 0 !== (stage === 'finalizers')) continue;
      if (next === undefined || priority >= next[1]) next = [finalizer, priority];
    }
    if (next === undefined) return;
    yield next[0];
  }
}

function runAll(stage: 'finalizers' | 'last finalizers'): void {
  for (const finalizer of finalizersOf(stage)) {
    try {
      finalizer.run();
    } catch (error) {
      complain(error);
    }
  }
}

async function awaitAll(stage: 'finalizers' | 'last finalizers'): Promise<void> {
  for (const finalizer of finalizersOf(stage)) {
    try {
      await finalizer.run();
    } catch (error) {
      complain(error);
    }
  }
}

function complain(error: unknown): void {
  lastWords(`Exception in a finalizer of ${currentName()}: ${error instanceof Error ? error.stack : String(error)}`);
}

for (const stage of ['finalizers', 'last finalizers'] as const)
  addEndStep(stage, { now: () => runAll(stage), inTime: () => awaitAll(stage) });
