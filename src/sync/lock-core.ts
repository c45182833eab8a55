/**
 * What Lock and RLock have in common: one lock word, the waits of event loops beside it.
 *
 * Runs in every process and thread.
 *
 * ```text
 * byte 0 of the body   lock word (`substrate/lock-word.ts`)
 * byte 64              wait point of event loops (`substrate/wait-point.ts`)
 * ```
 *
 * Who may die at which step: the lock word says it. An event loop that waits holds nothing; it marks the word
 * as one with waiters after it has taken a cell, so the release that sees the mark sees the cell. A releaser killed
 * before it rang is made up for at its death, as the owner that it was.
 */
import { InvalidStateError } from '../errors.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { type Attempted, LockWord } from '../substrate/lock-word.js';
import { catchUp } from '../substrate/put-off.js';
import type { SharedPiece } from '../substrate/shared-piece.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { LoopTurn } from './loop-turn.js';

/** What becomes of a lock whose owner died holding it. */
export interface LockOptions {
  /**
   * `poison` (default): every later acquire throws `LockOwnerDiedError` until somebody calls `recover()`.
   * `continue`: the next one gets it, with a process warning.
   */
  readonly onOwnerDeath?: 'poison' | 'continue';
}

/** A lock that its owner gave up for a while. */
export interface Suspended {
  resume(): Promise<void>;
  resumeSync(): void;
}

/** Bytes of a lock's body. */
export const LOCK_BYTES: number = 64 + WAIT_POINT_BYTES;

export class LockCore {
  /** For who tries it quickly before anything else. */
  readonly word: LockWord;
  readonly #point: WaitPoint;
  readonly #continues: boolean;
  #lost: unknown;

  constructor(piece: SharedPiece) {
    this.word = new LockWord(piece.body);
    this.#point = new WaitPoint(piece.body + 64, true);
    this.#continues = piece.options === CONTINUES;
  }

  get heldHere(): boolean {
    return this.word.heldHere();
  }

  get locked(): boolean {
    return this.word.locked();
  }

  /** What is shown of a lock: a moment later it may be different. */
  shown(): { locked: boolean; owner?: string; poisoned?: true } {
    const word = this.word;
    if (!word.locked()) return word.poisoned() ? { locked: false, poisoned: true } : { locked: false };
    if (word.heldHere()) return { locked: true, owner: 'this thread' };
    const pid = word.lastPid();
    return { locked: true, owner: pid === process.pid ? 'another thread of this process' : `process ${pid}` };
  }

  tryAcquire(): boolean {
    return this.#continues ? this.#took(this.word.tryAcquireOrMark(true)) : this.word.tryAcquire();
  }

  acquireSync(wait: Wait | undefined): void {
    if (wait === undefined && this.word.tryQuickly()) return;
    const { timeout } = syncLimits(wait);
    catchUp();
    if ((timeout ?? Number.POSITIVE_INFINITY) === Number.POSITIVE_INFINITY && this.word.heldHere())
      throw new InvalidStateError('Cannot block for the lock: this thread holds it itself, so it would never be released');
    if (this.#continues) {
      if (this.word.recoverSync(timeout)) warnOfDeath();
    } else this.word.acquireSync(timeout);
  }

  recoverSync(wait: Wait | undefined): void {
    catchUp();
    this.word.recoverSync(syncLimits(wait).timeout);
  }

  acquire(wait: Wait | undefined, recover = false): Promise<void> {
    if (wait === undefined && this.#point.waiting === 0 && this.word.tryQuickly()) return AT_ONCE;
    return this.#acquireInTurn(wait, recover);
  }

  /** Takes the lock again that was given up for a while. */
  async resume(): Promise<void> {
    try {
      await this.acquire(undefined);
    } catch (error) {
      this.#lost = error;
      throw error;
    }
  }

  /** As `resume`, but blocks this thread. */
  resumeSync(): void {
    try {
      this.acquireSync(undefined);
    } catch (error) {
      this.#lost = error;
      throw error;
    }
  }

  /** Whether an error says that the lock could not be taken again: then there is nothing to release. */
  isLoss(error: unknown): boolean {
    return error !== undefined && error === this.#lost;
  }

  /** @throws {LockOwnerDiedError} If an acquire would throw it. */
  assertWhole(): void {
    if (!this.#continues) this.word.assertWhole();
  }

  release(): void {
    if (this.word.release()) this.#point.ringWaiting();
  }

  /** What is left of a release where `giveQuickly` could not: somebody waits, or this thread does not hold it. */
  releaseForWaiters(): void {
    if (this.word.releaseForWaiters()) this.#point.ringWaiting();
  }

  /** Lets go of the word; false while this thread holds it: then only its death may free it. */
  close(): boolean {
    if (this.word.heldHere()) return false;
    this.word.close();
    return true;
  }

  async #acquireInTurn(wait: Wait | undefined, recover: boolean): Promise<void> {
    const turn = new LoopTurn(this.word, this.#point);
    const attempt = () => (this.#took(turn.attempt(recover || this.#continues), recover) ? true : undefined);
    const what = recover ? 'recover the lock: it was not released' : 'acquire the lock: it was not released';
    try {
      await this.#point.waitAsync(attempt, wait, what);
    } finally {
      turn.end();
    }
  }

  #took(how: Attempted, isMeant = false): boolean {
    if (how === 'taken from dead' && !isMeant) warnOfDeath();
    return how === 'taken' || how === 'taken from dead';
  }
}

/** Checks a lock's options, and puts them into a number. */
export function lockOptions(options: LockOptions = {}): number {
  checkOptionsObject('Cannot create a lock', options);
  const how: unknown = options.onOwnerDeath ?? 'poison';
  if (how !== 'poison' && how !== 'continue')
    throw new TypeError(`Cannot create a lock: onOwnerDeath must be 'poison' or 'continue', received ${String(how)}`);
  return how === 'continue' ? CONTINUES : 0;
}

/** The limits of a wait that blocks: an abort can only come before it. */
export function syncLimits(wait: Wait | undefined): { timeout?: number | undefined } {
  const limits = waitOptions(wait);
  limits.signal?.throwIfAborted();
  return limits;
}

/** Tells each kind of lock's waiters of a death; the kernel has marked the word already. */
export function wakeWaiters(offset: number): void {
  new WaitPoint(offset + 128, true).wakeAfterDeath();
}

function warnOfDeath(): void {
  process.emitWarning('A process died holding a lock; what the lock protects may be half-done', { code: 'MP_LOCK_OWNER_DIED' });
}

const CONTINUES = 1;
const AT_ONCE = Promise.resolve();
