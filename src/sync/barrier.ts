/**
 * A point that a number of processes and threads pass together.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word 5   state: bits 0–13 arrived, bit 14 broken, bit 15 being reset, bits 16–30 generation
 *             6   parties
 * byte 0          wait point
 * byte 128        a cell for each process or thread: how many of it are inside (low half), in which generation (high half)
 * byte 2176       the generations among the last ones that were reset: a word each, generation + 1
 * ```
 *
 * Who may die at which step: a party notes itself in its cell before it arrives, and takes that back after it has left.
 * Whoever finds it dead breaks the barrier if it was inside the present generation. The last party releases all by
 * one compare-exchange; it dies before it, and the barrier is broken, or after it, and they are woken at its death.
 * A reset marks the state, so that nobody can be released any more, then notes the generation, then begins the next one; whoever
 * sees the mark goes on with it, so nobody waits for who resets, and nobody who comes meanwhile is turned away.
 */
import { BrokenBarrierError, TimeoutError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, isOpening, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { checkInteger, checkOptionsObject } from '../substrate/argument-checks.js';
import { arena } from '../substrate/arena.js';
import { now } from '../substrate/clock.js';
import { faultPoint } from '../substrate/fault.js';
import { LINE_BYTES } from '../substrate/layout.js';
import type { ParticipantId } from '../substrate/participants.js';
import { FIRST_OWN_WORD } from '../substrate/shared-piece.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { syncLimits } from './lock-core.js';
import { MEMBER_CELLS_BYTES, MemberCells } from '../substrate/member-cells.js';

const STATE = FIRST_OWN_WORD;
const PARTIES: number = FIRST_OWN_WORD + 1;

const ARRIVED = 0x3fff;
const BROKEN = 0x4000;
const RESETTING = 0x8000;
const OVER: number = BROKEN | RESETTING;
const GENERATIONS = 0x8000;
const INSIDE = 0xffff;
const REMEMBERED_RESETS = 64;
const RESETS: number = WAIT_POINT_BYTES + MEMBER_CELLS_BYTES;

/** How a barrier is made. */
export interface BarrierOptions {
  /** Called by the last party before all are released; it travels with the barrier. If it throws, the barrier breaks. */
  readonly action?: (() => void | Promise<void>) | undefined;
  /** Milliseconds that `wait` takes at most if it is not told otherwise. Default no limit. */
  readonly timeout?: number | undefined;
}

interface Arrival {
  readonly generation: number;
  readonly index: number;
}

/**
 * A barrier for a fixed number of parties.
 *
 * - `wait` resolves for all as soon as the last one has come, and gives each a number from 0 on, in the order of arrival.
 * - If a party's time runs out, if it is aborted or dies, the barrier breaks: all get `BrokenBarrierError` until `reset()`.
 *
 * @python `multiprocessing.Barrier`
 */
export class Barrier {
  static {
    showAs(Barrier, ({ parties, nWaiting, broken }) => ({ parties, nWaiting, broken }));
  }

  readonly #header: Int32Array;
  readonly #point: WaitPoint;
  readonly #cells: MemberCells;
  readonly #resets: Int32Array;
  readonly #options: BarrierOptions;

  /**
   * @param parties From 1 to 16383.
   * @throws {TypeError|RangeError} If it is not, or an option is wrong.
   */
  constructor(parties: number, options: BarrierOptions = {}) {
    const isNew = !isOpening();
    if (isNew) check(parties, options);
    const piece = pieceFor(KIND.BARRIER, RESETS + REMEMBERED_RESETS * 4);
    this.#header = piece.header;
    if (isNew) Atomics.store(this.#header, PARTIES, parties);
    this.#point = new WaitPoint(piece.body, false);
    this.#cells = new MemberCells(piece.body + WAIT_POINT_BYTES);
    this.#resets = arena().words(piece.body + RESETS, REMEMBERED_RESETS * 4);
    this.#options = options;
    adoptPiece(this, piece, barrierKind);
  }

  /** How many have to come. */
  get parties(): number {
    return Atomics.load(this.#header, PARTIES);
  }

  /** How many have come and wait at this moment. */
  get nWaiting(): number {
    const state = this.#state();
    const arrived = state & ARRIVED;
    return (state & OVER) === 0 && arrived < this.parties ? arrived : 0;
  }

  /** Whether somebody failed to come. */
  get broken(): boolean {
    return (this.#state() & OVER) === BROKEN;
  }

  /**
   * Waits for the others; the event loop goes on.
   *
   * @returns A number from 0 to parties − 1, another one for each.
   * @throws {BrokenBarrierError} If the barrier is broken, breaks, or is reset meanwhile; also if time runs out.
   */
  async wait(wait?: Wait): Promise<number> {
    const { timeout = this.#options.timeout, signal } = waitOptions(wait);
    signal?.throwIfAborted();
    const deadline = now() + (timeout ?? Number.POSITIVE_INFINITY);
    const limits = () => ({ timeout: timeout === undefined ? undefined : Math.max(0, deadline - now()), signal });
    const arrival = await this.#orBreak(undefined, () => this.#point.waitAsync(this.#arrive, limits(), WHAT));
    try {
      if (arrival.index === this.parties - 1) await this.#runAction(arrival);
      else await this.#orBreak(arrival, () => this.#point.waitAsync(this.#released(arrival), limits(), WHAT));
    } finally {
      this.#left();
    }
    return arrival.index;
  }

  /** As `wait`, but blocks this thread. The action must not be async then. */
  waitSync(wait?: Wait): number {
    const { timeout = this.#options.timeout } = syncLimits(wait);
    const deadline = now() + (timeout ?? Number.POSITIVE_INFINITY);
    const left = () => (timeout === undefined ? undefined : Math.max(0, deadline - now()));
    const arrival = this.#orBreakSync(undefined, () => this.#point.waitSync(this.#arrive, left(), WHAT));
    try {
      if (arrival.index === this.parties - 1) this.#runActionSync(arrival);
      else this.#orBreakSync(arrival, () => this.#point.waitSync(this.#released(arrival), left(), WHAT));
    } finally {
      this.#left();
    }
    return arrival.index;
  }

  /** Makes the barrier empty and whole; who waits gets `BrokenBarrierError`. */
  reset(): void {
    for (;;) {
      const state = this.#state();
      if ((state & (ARRIVED | BROKEN)) === 0) return;
      if ((state & RESETTING) === 0 && !this.#change(state, state | RESETTING)) continue;
      this.#finishReset(state | RESETTING);
      return;
    }
  }

  /** Breaks the barrier: who waits, or comes, gets `BrokenBarrierError` until `reset()`. */
  abort(): void {
    const state = this.#state();
    if ((state & RESETTING) !== 0) this.#finishReset(state);
    breakBarrier(this.#header);
    this.#point.wake();
  }

  /** @internal What travels with a barrier. */
  static optionsOf(barrier: Barrier): BarrierOptions {
    return barrier.#options;
  }

  /** Comes in, unless those before have not been released yet. */
  readonly #arrive = (): Arrival | undefined => {
    const cell = this.#cells.own();
    const inside = this.#cells.load(cell);
    for (;;) {
      const state = this.#state();
      if ((state & RESETTING) !== 0) {
        this.#finishReset(state);
        continue;
      }
      if ((state & BROKEN) !== 0) throw new BrokenBarrierError('Cannot wait: the barrier is broken');
      const index = state & ARRIVED;
      if (index >= this.parties) return undefined;
      const generation = state >>> 16;
      this.#cells.store(cell, (generation << 16) | ((inside & INSIDE) + 1));
      faultPoint('barrier.beforeArrival');
      if (this.#change(state, state + 1)) return { generation, index };
      this.#cells.store(cell, inside);
    }
  };

  #released({ generation }: Arrival): () => true | undefined {
    return () => {
      const state = this.#state();
      if (state >>> 16 === generation) {
        if ((state & OVER) === 0) return undefined;
      } else if (Atomics.load(this.#resets, generation % REMEMBERED_RESETS) !== generation + 1) {
        return true;
      }
      throw new BrokenBarrierError('Cannot wait: the barrier broke, or was reset, while this party waited');
    };
  }

  #left(): void {
    faultPoint('barrier.beforeLeft');
    const cell = this.#cells.own();
    this.#cells.store(cell, this.#cells.load(cell) - 1);
  }

  async #runAction(arrival: Arrival): Promise<void> {
    faultPoint('barrier.beforeLast');
    try {
      await this.#options.action?.();
    } catch (error) {
      this.#fail(arrival);
      throw error;
    }
    this.#release(arrival);
  }

  #runActionSync(arrival: Arrival): void {
    faultPoint('barrier.beforeLast');
    try {
      const result: unknown = this.#options.action?.();
      if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function')
        throw new TypeError('Cannot wait: waitSync() cannot run an async action, received a promise; use wait()');
    } catch (error) {
      this.#fail(arrival);
      throw error;
    }
    this.#release(arrival);
  }

  /** Lets all go. */
  #release({ generation }: Arrival): void {
    const state = this.#state();
    const whole = state >>> 16 === generation && (state & OVER) === 0;
    if (!whole || !this.#begin(state))
      throw new BrokenBarrierError('Cannot wait: the barrier broke, or was reset, while its action ran');
  }

  /** Goes on with a reset that somebody began. */
  #finishReset(state: number): void {
    const generation = state >>> 16;
    Atomics.store(this.#resets, generation % REMEMBERED_RESETS, generation + 1);
    faultPoint('barrier.beforeReset');
    this.#begin(state);
  }

  /** Begins the next generation. */
  #begin(state: number): boolean {
    const generation = ((state >>> 16) + 1) % GENERATIONS;
    Atomics.store(this.#resets, (generation + REMEMBERED_RESETS / 2) % REMEMBERED_RESETS, 0);
    if (!this.#change(state, generation << 16)) return false;
    faultPoint('barrier.beforeWake');
    this.#point.wake();
    return true;
  }

  async #orBreak<T>(arrival: Arrival | undefined, wait: () => Promise<T>): Promise<T> {
    try {
      return await wait();
    } catch (error) {
      throw this.#broke(arrival, error);
    }
  }

  #orBreakSync<T>(arrival: Arrival | undefined, wait: () => T): T {
    try {
      return wait();
    } catch (error) {
      throw this.#broke(arrival, error);
    }
  }

  /** A party that does not wait any longer breaks the barrier for all. */
  #broke(arrival: Arrival | undefined, error: unknown): unknown {
    if (error instanceof BrokenBarrierError) return error;
    if (arrival !== undefined) this.#fail(arrival);
    if (error instanceof TimeoutError)
      return new BrokenBarrierError('Cannot wait: not all parties came in time, so the barrier is broken', { cause: error });
    return error;
  }

  #fail({ generation }: Arrival): void {
    if (breakBarrier(this.#header, generation)) this.#point.wake();
  }

  #state(): number {
    return Atomics.load(this.#header, STATE);
  }

  #change(before: number, after: number): boolean {
    return Atomics.compareExchange(this.#header, STATE, before, after) === before;
  }
}

/** Breaks the barrier, if it is still in that generation; whether it did. */
function breakBarrier(header: Int32Array, generation?: number): boolean {
  for (;;) {
    const state = Atomics.load(header, STATE);
    if ((state & OVER) !== 0 || (generation !== undefined && state >>> 16 !== generation)) return false;
    if (Atomics.compareExchange(header, STATE, state, state | BROKEN) === state) {
      faultPoint('barrier.afterBreak');
      return true;
    }
  }
}

function died(offset: number, dead: ParticipantId, header: Int32Array): void {
  const body = offset + LINE_BYTES;
  const word = new MemberCells(body + WAIT_POINT_BYTES).free(dead);
  if ((word & INSIDE) > 0) breakBarrier(header, word >>> 16);
  new WaitPoint(body, false).wakeAfterDeath();
}

function check(parties: number, options: BarrierOptions): void {
  checkInteger('Cannot create a barrier', 'parties', parties, { least: 1, most: ARRIVED });
  checkOptionsObject('Cannot create a barrier', options);
  const { action, timeout } = options;
  if (action !== undefined && typeof action !== 'function')
    throw new TypeError(`Cannot create a barrier: action must be a function, received ${String(action)}`);
  waitOptions({ timeout });
}

const WHAT = 'wait for the other parties: they did not come';

/** How such objects are sent and repaired. */
export const barrierKind: SharedKind = {
  kind: KIND.BARRIER,
  write(facade, out) {
    const { action, timeout } = Barrier.optionsOf(facade as Barrier);
    out.value(action, '.action');
    out.value(timeout, '.timeout');
  },
  read: (input) => ({ action: input.value(), timeout: input.value() }),
  open: (piece, options) => constructOn(piece, () => new Barrier(1, options as BarrierOptions)),
  died,
};
