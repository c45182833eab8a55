/**
 * Mutual exclusion between processes and threads of a family.
 *
 * Runs in every process and thread.
 */
import { ProcessError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { checkFunction } from '../substrate/argument-checks.js';
import { giveQuickly, takeQuickly } from '../substrate/lock-word.js';
import type { Wait } from '../substrate/wait-limit.js';
import { LOCK_BYTES, LockCore, type LockOptions, lockOptions, type Suspended, wakeWaiters } from './lock-core.js';

/**
 * A lock that one thread of one process holds at a time.
 *
 * - Not re-entrant: an owner that acquires it again waits for itself.
 * - Waits of one event loop are served in their order; between processes and threads a lock goes to whoever is first
 *   after its release.
 * - If its owner dies holding it, it is poisoned: everybody gets a `LockOwnerDiedError`, also who waits already, until
 *   somebody calls `recover()`.
 * - A released lock is disposable: `using _ = await lock.acquire()` releases it at the end of the block.
 *
 * @python `multiprocessing.Lock`, but it is released by the thread that holds it, and a dead owner is no hang.
 */
export class Lock implements Disposable {
  static {
    showAs(Lock, (lock) => lock.#core.shown());
  }

  readonly #core: LockCore;
  readonly #words: Int32Array;
  readonly #tid: number;
  readonly #pid: number;

  /** @throws {TypeError} If the options are no object. {ResourceExhaustedError} If there is no shared memory left. */
  constructor(options?: LockOptions) {
    const piece = pieceFor(KIND.LOCK, LOCK_BYTES, lockOptions(options));
    const core = new LockCore(piece);
    this.#core = core;
    ({ words: this.#words, tid: this.#tid, pid: this.#pid } = core.word);
    adoptPiece(this, piece, lockKind, () => core.close());
  }

  /**
   * Waits for the lock; the event loop goes on.
   *
   * @throws {TimeoutError} If it was not released in time.
   * @throws {LockOwnerDiedError} If its owner died holding it.
   */
  async acquire(wait?: Wait): Promise<this> {
    await this.#core.acquire(wait);
    return this;
  }

  /** As `acquire`, but blocks this thread. */
  acquireSync(wait?: Wait): this {
    if (wait !== undefined || !takeQuickly(this.#words, this.#tid, this.#pid)) this.#core.acquireSync(wait);
    return this;
  }

  /** Takes the lock if it is free. @throws {LockOwnerDiedError} If its owner died holding it. */
  tryAcquire(): boolean {
    return this.#core.tryAcquire();
  }

  /** @throws {ProcessError} `ERR_MP_NOT_OWNER` if this thread does not hold it. */
  release(): void {
    if (!giveQuickly(this.#words, this.#tid)) this.#core.releaseForWaiters();
  }

  /** Whether somebody holds it at this moment. */
  locked(): boolean {
    return this.#core.locked;
  }

  /** Takes the lock even if its owner died holding it, to repair what it protects; it is as before afterwards. */
  async recover(wait?: Wait): Promise<this> {
    await this.#core.acquire(wait, true);
    return this;
  }

  /** As `recover`, but blocks this thread. */
  recoverSync(wait?: Wait): this {
    this.#core.recoverSync(wait);
    return this;
  }

  /** Runs `f` with the lock held. @throws {TypeError} If it is no function. */
  async run<T>(f: () => T | Promise<T>): Promise<T> {
    checkFunction('Cannot call Lock.run()', 'f', f);
    await this.#core.acquire(undefined);
    let isLost = false;
    try {
      return await f();
    } catch (error) {
      isLost = this.#core.isLoss(error);
      throw error;
    } finally {
      if (!isLost) this.#core.release();
    }
  }

  /** Runs `f` with the lock held, blocking this thread until it is. */
  runSync<T>(f: () => T): T {
    checkFunction('Cannot call Lock.runSync()', 'f', f);
    this.#core.acquireSync(undefined);
    let isLost = false;
    try {
      return f();
    } catch (error) {
      isLost = this.#core.isLoss(error);
      throw error;
    } finally {
      if (!isLost) this.#core.release();
    }
  }

  /** @internal Says whether this thread holds it. @throws {ProcessError} `ERR_MP_NOT_OWNER` if not. */
  assertHeld(act: string): void {
    if (!this.#core.heldHere)
      throw new ProcessError(`Cannot ${act}: this thread does not hold the lock`, { code: 'ERR_MP_NOT_OWNER' });
  }

  /** @internal Says whether an acquire would fail. @throws {LockOwnerDiedError} If its owner died. */
  assertWhole(): void {
    this.#core.assertWhole();
  }

  /** @internal Gives it up for a while. Returns how to have it again. */
  suspend(): Suspended {
    this.#core.release();
    return {
      resume: () => this.#core.resume(),
      resumeSync: () => this.#core.resumeSync(),
    };
  }

  /** Releases it. */
  [Symbol.dispose](): void {
    this.#core.release();
  }
}

/** How such objects are sent and repaired. */
export const lockKind: SharedKind = { kind: KIND.LOCK, open: (piece) => constructOn(piece, () => new Lock()), died: wakeWaiters };
