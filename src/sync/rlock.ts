/**
 * A lock that its owner may take several times.
 *
 * Runs in every process and thread.
 */
import { type InvalidStateError, ProcessError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { checkFunction } from '../substrate/argument-checks.js';
import type { Wait } from '../substrate/wait-limit.js';
import { heldTooLong, type Holder, holderOf, runAsFlow } from './lock-holder.js';
import { LOCK_BYTES, LockCore, type LockOptions, lockOptions, type Suspended, wakeWaiters } from './lock-core.js';

/**
 * A re-entrant lock: whoever holds it may acquire it again, and releases it as often.
 *
 * - The owner is the thread; within `run` it is the async flow of that `run`: two flows of one process exclude each other,
 *   a `run` or `acquire` within the flow enters at once.
 * - Order, disposal and the death of an owner are as with `Lock`.
 *
 * @python `multiprocessing.RLock`
 */
export class RLock implements Disposable {
  static {
    showAs(RLock, (lock) => ({ ...lock.#core.shown(), depth: lock.#depth > 0 ? lock.#depth : undefined }));
  }

  readonly #core: LockCore;
  #depth = 0;
  #holder: Holder | undefined;

  /** @throws {TypeError} If the options are no object. {ResourceExhaustedError} If there is no shared memory left. */
  constructor(options?: LockOptions) {
    const piece = pieceFor(KIND.RLOCK, LOCK_BYTES, lockOptions(options));
    const core = new LockCore(piece);
    this.#core = core;
    adoptPiece(this, piece, rlockKind, () => core.close());
  }

  /**
   * Waits for the lock, unless its owner calls; the event loop goes on.
   *
   * @throws {TimeoutError} If it was not released in time.
   * @throws {LockOwnerDiedError} If its owner died holding it.
   */
  async acquire(wait?: Wait): Promise<this> {
    const holder = holderOf(this);
    if (!this.#enter(holder)) {
      await this.#core.acquire(wait);
      this.#own(holder);
    }
    return this;
  }

  /** As `acquire`, but blocks this thread. @throws {ProcessError} `ERR_MP_NOT_OWNER` if another flow of this thread holds it. */
  acquireSync(wait?: Wait): this {
    const holder = holderOf(this);
    if (this.#enter(holder)) return this;
    if (this.#depth > 0)
      throw new ProcessError('Cannot block for the lock: another async flow of this thread holds it and could never release it', {
        code: 'ERR_MP_NOT_OWNER',
      });
    this.#core.acquireSync(wait);
    this.#own(holder);
    return this;
  }

  /** Takes the lock if it is free or held by the caller. @throws {LockOwnerDiedError} If its owner died holding it. */
  tryAcquire(): boolean {
    const holder = holderOf(this);
    if (this.#enter(holder)) return true;
    if (!this.#core.tryAcquire()) return false;
    this.#own(holder);
    return true;
  }

  /** @throws {ProcessError} `ERR_MP_NOT_OWNER` if the caller does not hold it. */
  release(): void {
    this.assertHeld('release the lock');
    if (--this.#depth > 0) return;
    this.#holder = undefined;
    this.#core.release();
  }

  /** Whether somebody holds it at this moment. */
  locked(): boolean {
    return this.#core.locked;
  }

  /** Takes the lock even if its owner died holding it, to repair what it protects; it is as before afterwards. */
  async recover(wait?: Wait): Promise<this> {
    const holder = holderOf(this);
    if (!this.#enter(holder)) {
      await this.#core.acquire(wait, true);
      this.#own(holder);
    }
    return this;
  }

  /** As `recover`, but blocks this thread. */
  recoverSync(wait?: Wait): this {
    const holder = holderOf(this);
    if (this.#enter(holder)) return this;
    this.#core.recoverSync(wait);
    this.#own(holder);
    return this;
  }

  /**
   * Runs `f` with the lock held, as a flow of its own unless it is called by the owner.
   *
   * @throws {TypeError} If `f` is no function.
   * @throws {InvalidStateError} If its flow ends with the lock acquired more often than released; the lock is free then.
   */
  async run<T>(f: () => T | Promise<T>): Promise<T> {
    checkFunction('Cannot call RLock.run()', 'f', f);
    if (this.#enter(holderOf(this))) return this.#runHeld(f);
    return runAsFlow(this, async () => {
      await this.acquire();
      return this.#runHeld(f, () => this.#endFlow());
    });
  }

  /** Runs `f` with the lock held, blocking this thread until it is. */
  runSync<T>(f: () => T): T {
    checkFunction('Cannot call RLock.runSync()', 'f', f);
    this.acquireSync();
    let isLost = false;
    try {
      return f();
    } catch (error) {
      isLost = this.#core.isLoss(error);
      throw error;
    } finally {
      if (!isLost) this.release();
    }
  }

  /** Releases it once. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** @internal Says whether the caller holds it. @throws {ProcessError} `ERR_MP_NOT_OWNER` if not. */
  assertHeld(act: string): void {
    if (this.#depth > 0 && this.#holder === holderOf(this)) return;
    throw new ProcessError(`Cannot ${act}: the caller does not hold it`, { code: 'ERR_MP_NOT_OWNER' });
  }

  /** @internal Says whether an acquire would fail. @throws {LockOwnerDiedError} If its owner died. */
  assertWhole(): void {
    this.#core.assertWhole();
  }

  /** @internal Gives it up wholly for a while. Returns how to have it as before. */
  suspend(): Suspended {
    const depth = this.#depth;
    const holder = this.#holder as Holder;
    this.#depth = 0;
    this.#holder = undefined;
    this.#core.release();
    const own = () => {
      this.#depth = depth;
      this.#holder = holder;
    };
    return {
      resume: async () => {
        await this.#core.resume();
        own();
      },
      resumeSync: () => {
        this.#core.resumeSync();
        own();
      },
    };
  }

  /** Runs `f`, then releases once; what `end` complains of counts where `f` has not thrown. */
  async #runHeld<T>(f: () => T | Promise<T>, end?: () => InvalidStateError | undefined): Promise<T> {
    let isLost = false;
    let complaint: InvalidStateError | undefined;
    let value: T;
    try {
      value = await f();
    } catch (error) {
      isLost = this.#core.isLoss(error);
      throw error;
    } finally {
      if (!isLost) {
        complaint = end?.();
        this.release();
      }
    }
    if (complaint !== undefined) throw complaint;
    return value;
  }

  /** What a flow holds beyond its `run` nobody could ever release: it is given up. Returns what there is to say of it. */
  #endFlow(): InvalidStateError | undefined {
    const surplus = this.#depth - 1;
    if (surplus < 1 || this.#holder !== holderOf(this)) return undefined;
    this.#depth = 1;
    return heldTooLong(surplus);
  }

  #enter(holder: Holder): boolean {
    if (this.#depth === 0 || this.#holder !== holder) return false;
    this.#depth++;
    return true;
  }

  #own(holder: Holder): void {
    this.#holder = holder;
    this.#depth = 1;
  }
}

/** How such objects are sent and repaired. */
export const rlockKind: SharedKind = {
  kind: KIND.RLOCK,
  open: (piece) => constructOn(piece, () => new RLock()),
  died: wakeWaiters,
};
