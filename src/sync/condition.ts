/**
 * Waiting, with a lock given up meanwhile, until another process says that something changed.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word 5   the cell that was notified last
 * byte 0          wait point
 * byte 128        a cell for each process or thread: how many wait there (low half), how many of them are notified (high half)
 * ```
 *
 * Who may die at which step: a waiter counts itself in its cell before it gives up the lock; `notify` moves one count by a
 * compare-exchange, and whoever waits there takes itself and the notification off when it has the lock again: then its death
 * is noticed. The cell of the dead is emptied by whoever finds them dead, and their notifications go to others. A notifier
 * dies before its change of a cell, and nothing happened, or after it, and the waiters are woken at its death: they also
 * learn then that the lock is poisoned. (Should whoever empties the cell be killed between that and the giving, what the dead
 * was notified of is lost.)
 */
import { TimeoutError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { readPlace, writePlace } from '../sharing/shared-extension.js';
import { checkFunction, checkInteger } from '../substrate/argument-checks.js';
import { now } from '../substrate/clock.js';
import { faultPoint } from '../substrate/fault.js';
import { LINE_BYTES } from '../substrate/layout.js';
import type { ParticipantId } from '../substrate/participants.js';
import { FIRST_OWN_WORD } from '../substrate/shared-piece.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { Lock } from './lock.js';
import { syncLimits } from './lock-core.js';
import { MEMBER_CELLS_BYTES, MemberCells } from '../substrate/member-cells.js';
import { RLock } from './rlock.js';

const LAST_NOTIFIED = FIRST_OWN_WORD;
const NOTIFIED = 0x10000;
const WAITING_MASK = 0xffff;

/**
 * A condition variable.
 *
 * - `wait` gives the lock up, waits for a notification and takes the lock again; `notify` needs the lock as well.
 * - A notification goes to one that waits and is alive; processes and threads are notified in turn, waits of one event
 *   loop in their order.
 * - The lock's rules hold: if its owner dies, everybody gets `LockOwnerDiedError` until `recover()`.
 *
 * @python `multiprocessing.Condition`; there a dead waiter makes `notify` hang.
 */
export class Condition implements Disposable {
  static {
    showAs(Condition, (condition) => ({ lock: condition.#lock, waiting: condition.#waiting }));
  }

  readonly #lock: Lock | RLock;
  readonly #header: Int32Array;
  readonly #point: WaitPoint;
  readonly #cells: MemberCells;
  /** Waits of this thread that were notified and do not have the lock again yet. */
  #served = 0;

  /**
   * @param lock Default a new `RLock`.
   * @throws {TypeError} If it is neither a `Lock` nor an `RLock`.
   */
  constructor(lock: Lock | RLock = new RLock()) {
    if (!(lock instanceof Lock || lock instanceof RLock))
      throw new TypeError(`Cannot create a condition: lock must be a Lock or an RLock, received ${String(lock)}`);
    const piece = pieceFor(KIND.CONDITION, WAIT_POINT_BYTES + MEMBER_CELLS_BYTES);
    this.#lock = lock;
    this.#header = piece.header;
    this.#point = new WaitPoint(piece.body, true);
    this.#cells = new MemberCells(piece.body + WAIT_POINT_BYTES);
    adoptPiece(this, piece, conditionKind);
  }

  /** Takes the lock. @throws {TimeoutError|LockOwnerDiedError} As the lock does. */
  async acquire(wait?: Wait): Promise<this> {
    await this.#lock.acquire(wait);
    return this;
  }

  /** As `acquire`, but blocks this thread. */
  acquireSync(wait?: Wait): this {
    this.#lock.acquireSync(wait);
    return this;
  }

  /** Takes the lock if it is free. */
  tryAcquire(): boolean {
    return this.#lock.tryAcquire();
  }

  /** @throws {ProcessError} `ERR_MP_NOT_OWNER` if the caller does not hold the lock. */
  release(): void {
    this.#lock.release();
  }

  /** Whether somebody holds the lock at this moment. */
  locked(): boolean {
    return this.#lock.locked();
  }

  /** Takes the lock even if its owner died holding it. */
  async recover(wait?: Wait): Promise<this> {
    await this.#lock.recover(wait);
    return this;
  }

  /** As `recover`, but blocks this thread. */
  recoverSync(wait?: Wait): this {
    this.#lock.recoverSync(wait);
    return this;
  }

  /** Runs `f` with the lock held. */
  async run<T>(f: () => T | Promise<T>): Promise<T> {
    checkFunction('Cannot call Condition.run()', 'f', f);
    return this.#lock.run(f);
  }

  /** Runs `f` with the lock held, blocking this thread until it is. */
  runSync<T>(f: () => T): T {
    checkFunction('Cannot call Condition.runSync()', 'f', f);
    return this.#lock.runSync(f);
  }

  /** Releases the lock. */
  [Symbol.dispose](): void {
    this.#lock.release();
  }

  /**
   * Gives the lock up, waits to be notified, and takes the lock again, however it ended.
   *
   * @returns Whether it was notified; false: time ran out.
   * @throws {ProcessError} `ERR_MP_NOT_OWNER` if the caller does not hold the lock.
   * @throws {LockOwnerDiedError} If an owner of the lock died; the caller does not hold it then.
   */
  async wait(wait?: Wait): Promise<boolean> {
    const limits = waitOptions(wait);
    limits.signal?.throwIfAborted();
    this.#lock.assertHeld('wait');
    this.#enter();
    const suspended = this.#lock.suspend();
    let notified = true;
    try {
      await this.#point.waitAsync(this.#serve, limits, 'wait: nobody notified');
    } catch (error) {
      notified = this.#failed(error);
    } finally {
      try {
        await suspended.resume();
      } finally {
        if (notified) this.#consume();
      }
    }
    return notified;
  }

  /** As `wait`, but blocks this thread. */
  waitSync(wait?: Wait): boolean {
    const { timeout } = syncLimits(wait);
    this.#lock.assertHeld('wait');
    this.#enter();
    const suspended = this.#lock.suspend();
    let notified = true;
    try {
      this.#point.waitSync(this.#serve, timeout, 'wait: nobody notified', this.#cells.ownWord);
    } catch (error) {
      notified = this.#failed(error);
    } finally {
      try {
        suspended.resumeSync();
      } finally {
        if (notified) this.#consume();
      }
    }
    return notified;
  }

  /**
   * Waits until `predicate` holds; it is asked with the lock held, at once and after each notification.
   *
   * @returns The last value of the predicate: one that does not hold when time ran out.
   */
  async waitFor<T>(predicate: () => T | Promise<T>, wait?: Wait): Promise<T> {
    checkFunction('Cannot call Condition.waitFor()', 'predicate', predicate);
    const { timeout, signal } = waitOptions(wait);
    const deadline = now() + (timeout ?? Number.POSITIVE_INFINITY);
    this.#lock.assertHeld('wait');
    for (;;) {
      const value = await predicate();
      const left = deadline - now();
      if (Boolean(value) || left <= 0) return value;
      await this.wait({ timeout: timeout === undefined ? undefined : left, signal });
    }
  }

  /** As `waitFor`, but blocks this thread. */
  waitForSync<T>(predicate: () => T, wait?: Wait): T {
    checkFunction('Cannot call Condition.waitForSync()', 'predicate', predicate);
    const { timeout } = syncLimits(wait);
    const deadline = now() + (timeout ?? Number.POSITIVE_INFINITY);
    this.#lock.assertHeld('wait');
    for (;;) {
      const value = predicate();
      const left = deadline - now();
      if (Boolean(value) || left <= 0) return value;
      this.waitSync(timeout === undefined ? undefined : left);
    }
  }

  /**
   * Notifies up to `count` that wait. Waits for nobody.
   *
   * @param count Default 1.
   * @throws {ProcessError} `ERR_MP_NOT_OWNER` if the caller does not hold the lock.
   * @throws {TypeError|RangeError} If the count is no integer of at least 0.
   */
  notify(count = 1): void {
    checkInteger('Cannot notify', 'count', count, { least: 0 });
    this.#lock.assertHeld('notify');
    this.#give(count);
  }

  /** Notifies all that wait. */
  notifyAll(): void {
    this.#lock.assertHeld('notify');
    this.#give(Number.POSITIVE_INFINITY);
  }

  /** @internal The lock of a condition. */
  static lockOf(condition: Condition): Lock | RLock {
    return condition.#lock;
  }

  /** Waits at this moment, of those that live. */
  get #waiting(): number {
    let count = 0;
    for (const cell of this.#cells.taken(0)) count += this.#cells.load(cell) & WAITING_MASK;
    return count;
  }

  #give(count: number): void {
    if (giveNotifications(this.#cells, this.#header, count)) this.#point.wake();
  }

  #enter(): void {
    const cell = this.#cells.own();
    for (;;) {
      const seen = this.#cells.load(cell);
      if (this.#cells.change(cell, seen, seen + 1)) break;
    }
    faultPoint('condition.afterSequence');
  }

  /** Has one wait of this thread end if there is a notification for it. */
  readonly #serve = (): true | undefined => {
    if (this.#cells.load(this.#cells.own()) >>> 16 > this.#served) {
      this.#served++;
      faultPoint('condition.afterServed');
      return true;
    }
    this.#lock.assertWhole();
    return undefined;
  };

  /** Takes a wait that was served off the cell, together with its notification. */
  #consume(): void {
    this.#served--;
    const cell = this.#cells.own();
    for (;;) {
      const seen = this.#cells.load(cell);
      if (this.#cells.change(cell, seen, seen - NOTIFIED - 1)) return;
    }
  }

  /** Ends a wait that was not served; whether it is now, since time ran out beside a notification. @throws Another error than that. */
  #failed(error: unknown): boolean {
    const notified = this.#leave();
    if (error instanceof TimeoutError) return notified;
    if (notified) {
      this.#give(1); // it is for another one
      this.#consume();
    }
    throw error;
  }

  /** Waits no longer; whether a notification was left for it after all. */
  #leave(): boolean {
    const cell = this.#cells.own();
    for (;;) {
      const seen = this.#cells.load(cell);
      if ((seen & WAITING_MASK) <= seen >>> 16) {
        this.#served++;
        return true;
      }
      if (this.#cells.change(cell, seen, seen - 1)) return false;
    }
  }
}

/** Gives notifications to those that wait and have none, in turn; whether there was one. */
function giveNotifications(cells: MemberCells, header: Int32Array, count: number): boolean {
  let left = count;
  let given = false;
  for (const cell of cells.taken(Atomics.load(header, LAST_NOTIFIED))) {
    while (left > 0) {
      const seen = cells.load(cell);
      if (seen >>> 16 >= (seen & WAITING_MASK)) break;
      if (!cells.change(cell, seen, (seen + NOTIFIED) | 0)) continue;
      faultPoint('condition.afterNotify');
      left--;
      given = true;
      Atomics.store(header, LAST_NOTIFIED, cell);
    }
    if (left === 0) break;
  }
  return given;
}

function died(offset: number, dead: ParticipantId, header: Int32Array): void {
  const body = offset + LINE_BYTES;
  const cells = new MemberCells(body + WAIT_POINT_BYTES);
  const lost = cells.free(dead) >>> 16;
  if (lost > 0) giveNotifications(cells, header, lost);
  new WaitPoint(body, true).wakeAfterDeath();
}

/** How such objects are sent and repaired. */
export const conditionKind: SharedKind = {
  kind: KIND.CONDITION,
  write: (facade, out) => writePlace(Condition.lockOf(facade as Condition), out),
  read: (input) => readPlace(input),
  open: (piece, lock) => constructOn(piece, () => new Condition(lock as Lock | RLock)),
  died,
};
