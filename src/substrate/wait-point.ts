/**
 * Where threads and event loops wait for a shared object to change.
 *
 * Runs in every process and thread.
 *
 * ```text
 * word 0   futex sequence          1   1: a thread sleeps in the futex
 *      2…  the event loops that wait (`loop-cells.ts`)
 * ```
 *
 * Protocol. A waiter makes itself known (word 1, or a cell), then tries once more; a waker publishes, then looks
 * at word 1 and at the cells. All of it is sequentially consistent, so one of the two sees the other.
 *
 * A thread that waits for something that mostly comes within microseconds looks for it awake before it sleeps: at a word that
 * changes with whatever it waits for, so that the others need not know. How long depends on whether that was of use lately.
 *
 * Who may die at which step: a waker killed between publishing and waking leaves its waiters asleep; so whoever
 * finds a participant dead wakes all that waits at the objects it held (`sharing/shared-kinds.ts`), and its
 * parent's supervisor rings every doorbell. A waiter killed asleep, or after it was woken, has used up a wake of a
 * futex at most: the same wake at its death makes up for it, and threads look again every 100 ms.
 */
import { TimeoutError } from '../errors.js';
import { binding } from '../native/binding.js';
import { arena } from './arena.js';
import { now } from './clock.js';
import type { Pump } from './doorbell.js';
import { faultPoint, WAIT_SLICE_MS } from './fault.js';
import { LoopCells } from './loop-cells.js';
import { catchUp } from './put-off.js';
import { self } from './self.js';
import { SpinTime, spinWhile, type WatchedWord } from './spin.js';
import { LONGEST_TIMER_MS, type Wait, waitOptions } from './wait-limit.js';

/** Bytes of zeroed memory, 64-byte aligned, that a wait point needs. */
export const WAIT_POINT_BYTES = 128;

const SEQUENCE = 0;
const SLEEPERS = 1;
/** Where the words of the event loops begin. */
const LOOPS = 2;

/** Tries to get what is waited for; undefined: not yet. It may throw, which ends that wait. */
export type Attempt<T> = () => T | undefined;

interface Waiting {
  readonly attempt: Attempt<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One wait point as this thread sees it. */
export class WaitPoint implements Pump {
  readonly #offset: number;
  readonly #words: Int32Array;
  readonly #cells: LoopCells;
  readonly #ordered: boolean;
  readonly #waiting = new Set<Waiting>();
  #pumping = false;
  #soon = false;
  #spin: SpinTime | undefined;

  /** @param ordered Waits of this thread's event loop are served in their order: the first that cannot be keeps the others back. */
  constructor(offset: number, ordered: boolean) {
    this.#offset = offset;
    this.#words = arena().words(offset, WAIT_POINT_BYTES);
    this.#cells = new LoopCells(this.#words.subarray(LOOPS));
    this.#ordered = ordered;
  }

  /** Waits of this thread's event loop. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Wakes everybody who waits, or of the threads that sleep `count`. What they shall see must be published already. */
  wake(count: number = MOST_SLEEPERS): void {
    const words = this.#words;
    if (Atomics.load(words, SLEEPERS) !== 0 && !this.#wakeSome(count)) this.#wakeSleepers();
    if (this.#cells.areTaken) this.ringWaiting();
  }

  /** Wakes everybody, whatever the words say: who died may have taken the mark of the sleepers and not woken them. */
  wakeAfterDeath(): void {
    this.#wakeSleepers();
    this.ringWaiting();
  }

  /** Wakes the event loops that wait. */
  ringWaiting(): void {
    if (this.#cells.ring()) this.#pumpSoon();
  }

  /**
   * Blocks this thread until `attempt` gives something.
   *
   * @param what Completes "Cannot …: … within 5 ms".
   * @param watched Looked at for some microseconds before this thread sleeps. Default: it sleeps at once.
   * @throws {TimeoutError} If it gave nothing in time; with 0 it is asked once.
   */
  waitSync<T>(attempt: Attempt<T>, timeoutMs: number | undefined, what: string, watched?: WatchedWord): T {
    const first = attempt();
    if (first !== undefined) return first;
    const began = now();
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : began + timeoutMs;
    catchUp();
    const soon = watched === undefined || timeoutMs === 0 ? undefined : this.#attemptAwake(attempt, watched, began);
    if (soon !== undefined) return soon;
    const got = this.#attemptAsleep(attempt, deadline);
    if (got === undefined) throw new TimeoutError(`Cannot ${what} within ${timeoutMs} ms`);
    if (watched !== undefined) this.#spin?.learn((now() - began) * 1e3);
    return got;
  }

  /**
   * Resolves when `attempt` gives something; the event loop goes on, and is kept alive.
   *
   * @param wait Its limits; the attempt is made once even with a timeout of 0.
   * @param what Completes "Cannot …: … within 5 ms".
   */
  waitAsync<T>(attempt: Attempt<T>, wait: Wait | undefined, what: string): Promise<T> {
    let limits: ReturnType<typeof waitOptions>;
    try {
      limits = waitOptions(wait);
      limits.signal?.throwIfAborted();
      if (!this.#ordered || this.#waiting.size === 0) {
        const first = attempt();
        if (first !== undefined) return Promise.resolve(first);
      }
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return new Promise<T>((resolve, reject) => this.#enlist(attempt, limits, what, resolve, reject));
  }

  pump(): boolean {
    if (this.#pumping) return false;
    this.#pumping = true;
    for (const each of this.#waiting) {
      try {
        const got = each.attempt();
        if (got !== undefined) each.resolve(got as never);
        else if (this.#ordered) break;
      } catch (error) {
        each.reject(error);
      }
    }
    this.#pumping = false;
    return false;
  }

  pending(): boolean {
    this.pump();
    return false;
  }

  #enlist<T>(
    attempt: Attempt<T>,
    { timeout, signal }: ReturnType<typeof waitOptions>,
    what: string,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => waiting.reject(signal?.reason);
    const leave = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#leave(waiting);
    };
    const waiting: Waiting = {
      attempt,
      resolve: (value) => {
        leave();
        resolve(value);
      },
      reject: (error) => {
        leave();
        reject(error);
      },
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined && timeout <= LONGEST_TIMER_MS)
      timer = setTimeout(() => waiting.reject(new TimeoutError(`Cannot ${what} within ${timeout} ms`)), timeout);
    this.#join(waiting);
    this.pump();
  }

  #join(waiting: Waiting): void {
    this.#waiting.add(waiting);
    if (this.#waiting.size > 1) return;
    this.#cells.take();
    faultPoint('point.afterCell');
    const { doorbell } = self();
    doorbell.addIdle(this);
    doorbell.hold();
  }

  #leave(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return;
    if (this.#waiting.size > 0) {
      this.#pumpSoon(); // the next one may have what this one no longer wants
      return;
    }
    const { doorbell } = self();
    doorbell.remove(this);
    doorbell.release();
    this.#cells.give();
  }

  #pumpSoon(): void {
    if (this.#soon || this.#waiting.size === 0) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.pump();
    });
  }

  /** Tries whenever the word changes, for as long as it pays. */
  #attemptAwake<T>(attempt: Attempt<T>, word: WatchedWord, began: number): T | undefined {
    const spin = (this.#spin ??= new SpinTime());
    for (let left = spin.us; left > 0; left = spin.us - (now() - began) * 1e3) {
      const seen = word.version;
      const got = attempt();
      if (got !== undefined) {
        spin.learn((now() - began) * 1e3);
        return got;
      }
      if (!spinWhile(word.offset, seen, left)) return undefined;
    }
    return undefined;
  }

  /** Tries whenever it is woken; undefined: time ran out. */
  #attemptAsleep<T>(attempt: Attempt<T>, deadline: number): T | undefined {
    const words = this.#words;
    for (;;) {
      const seen = Atomics.load(words, SEQUENCE);
      Atomics.store(words, SLEEPERS, 1);
      const got = attempt();
      if (got !== undefined) return got;
      const left = deadline - now();
      if (left <= 0) return undefined;
      faultPoint('waiter.beforeSleep');
      binding().futexWait(this.#offset, seen, Math.min(left, WAIT_SLICE_MS));
      faultPoint('waiter.afterWake');
    }
  }

  /** Wakes `count` threads. The mark stays, since others may sleep; false: fewer slept, or all are meant. */
  #wakeSome(count: number): boolean {
    if (count === MOST_SLEEPERS) return false;
    Atomics.add(this.#words, SEQUENCE, 1);
    faultPoint('point.beforeWake');
    return binding().futexWake(this.#offset, count) >= count;
  }

  /**
   * Wakes all threads. Only who wakes all may take the mark away: another waker that finds none wakes nobody, so each
   * thread that slept until then has to be woken, and sets the mark again before it tries again.
   */
  #wakeSleepers(): void {
    Atomics.store(this.#words, SLEEPERS, 0);
    Atomics.add(this.#words, SEQUENCE, 1);
    faultPoint('point.beforeWake');
    binding().futexWake(this.#offset, MOST_SLEEPERS);
  }
}

const MOST_SLEEPERS = 2 ** 31 - 1;
