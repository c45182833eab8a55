/**
 * Mutual exclusion across processes: one shared word, taken and given up by a compare-exchange, with the
 * kernel as witness of its owner's death.
 *
 * Runs in every process and thread.
 *
 * ```text
 * word 0                     meaning
 * 0                          free
 * WAITERS                    free; somebody may sleep, and one of them was woken
 * tid                        held by the guardian with this thread id
 * tid | WAITERS              held; somebody sleeps or is about to
 * OWNER_DIED [| WAITERS]     its owner died holding it: poisoned until recovered
 *
 * word 1   pid of the last owner
 *      2   threads slept lately: a release leaves WAITERS and wakes one; else it takes WAITERS away and wakes all
 *      3   until when newcomers stand back for threads that have waited for long      4   for event loops
 * ```
 *
 * Who sleeps has WAITERS in the word: only a release that wakes all takes it away, and publishing and waking are one system
 * call. So nobody takes the word without it while somebody sleeps, and each release that may have to wake is seen to.
 *
 * | step | who dies | what the others see |
 * |---|---|---|
 * | acquire, before the compare-exchange | the taker | nothing changed |
 * | acquire, after it | the owner | the kernel sets OWNER_DIED and wakes a waiter |
 * | release, before the system call | the owner | the same |
 * | release, after it | the releaser | threads are woken; event loops are rung at its death |
 * | a waiter asleep | the waiter | nothing: it owns nothing |
 * | a waiter woken, before it took the word | the waiter | pending operation: the kernel wakes the next |
 *
 * A release with WAITERS set, and every contended acquire, run natively with the pending operation announced. Who has waited
 * for more than a millisecond and finds the word taken again asks for a turn (words 3 and 4): newcomers that find it free
 * with WAITERS then stand back for 10 ms at most. One that dies, or dawdles, costs the others no more than that.
 */
import { LockOwnerDiedError, ProcessError, TimeoutError } from '../errors.js';
import {
  LOCK_BUSY,
  LOCK_POISONED,
  LOCK_STAND_BACK,
  LOCK_TAKEN,
  LOCK_TAKEN_FROM_DEAD,
  LOCK_TIMED_OUT,
} from '../native/addon-types.js';
import { binding } from '../native/binding.js';
import { arena } from './arena.js';
import { faultPoint } from './fault.js';
import { type Guardian, guard, unguard } from './guardian.js';
import { LINE_BYTES, LOCK_LOOP_TURN, LOCK_OWNER_DIED, LOCK_OWNER_MASK, LOCK_WAITERS } from './layout.js';
import { spinWhile } from './spin.js';

const WORD = 0;
/** Pid of the last owner; written only when it changes, read only to name a dead owner. */
const LAST_PID = 1;
/** How often and how long the owner of a lock that is held for microseconds is waited for awake. */
const SPIN_TURNS = 8;
const SPIN_US = 5;

/** What became of an attempt that does not wait. */
export type Attempted = 'taken' | 'taken from dead' | 'held' | 'free for others';

export class LockWord {
  readonly offset: number;
  /** The word and what lies beside it; for `takeQuickly` and `giveQuickly`. */
  readonly words: Int32Array;
  /** Of this thread, as it stands in the word while it holds it. */
  readonly tid: number;
  /** What its owner leaves in it; 0: nothing. */
  readonly pid: number;
  readonly #guardian: Guardian;

  /**
   * @param offset Of a zeroed 64-byte line of the arena.
   * @param isNamed Whether its owners leave their pids, so that errors can name a dead one. Default true.
   */
  constructor(offset: number, isNamed = true) {
    this.offset = offset;
    this.pid = isNamed ? process.pid : 0;
    this.words = arena().words(offset, LINE_BYTES);
    this.#guardian = guard(offset);
    this.tid = this.#guardian.tid;
  }

  /** Takes the lock if it is free and nobody waits; false says nothing. */
  tryQuickly(): boolean {
    return takeQuickly(this.words, this.tid, this.pid);
  }

  /** Takes the lock if it is free. @throws {LockOwnerDiedError} If it is poisoned. */
  tryAcquire(): boolean {
    return this.tryQuickly() || this.#acquireNatively(0, false);
  }

  /**
   * Takes the lock, blocking this thread.
   *
   * @param timeoutMs Milliseconds; undefined: no limit.
   * @throws {TimeoutError} If it was not to be had in time.
   * @throws {LockOwnerDiedError} If its owner died.
   */
  acquireSync(timeoutMs?: number): void {
    if (this.tryQuickly()) return;
    if (!this.#acquireNatively(timeoutMs ?? -1, false))
      throw new TimeoutError(`Cannot acquire the lock: it was not released within ${timeoutMs} ms`);
  }

  /** Takes the lock even if its owner died. True: it did, and what the lock protects may be half-done. */
  recoverSync(timeoutMs?: number): boolean {
    for (let turn = 0; turn < SPIN_TURNS; turn++) {
      if (this.tryQuickly()) return false;
      const seen = Atomics.load(this.words, WORD);
      // Who holds such a lock mostly gives it up within a microsecond: sleeping would take many.
      if ((seen & LOCK_OWNER_MASK) === 0 || !spinWhile(this.offset, seen, SPIN_US)) break;
    }
    const answer = binding().lockAcquire(this.#guardian.index, this.offset, timeoutMs ?? -1, true, true);
    if (answer === LOCK_TIMED_OUT || answer === LOCK_BUSY || answer === LOCK_STAND_BACK)
      throw new TimeoutError(`Cannot recover the lock: its living owner did not release it within ${timeoutMs} ms`);
    this.#taken();
    return answer === LOCK_TAKEN_FROM_DEAD;
  }

  /**
   * Takes the lock; if it is held, marks that somebody waits for it, so that its release gives true.
   *
   * @param recover Takes it even if its owner died.
   * @param isNewcomer Lets those go first who have waited for long.
   * @throws {LockOwnerDiedError} If it is poisoned.
   */
  tryAcquireOrMark(recover: boolean, isNewcomer = false): Attempted {
    for (;;) {
      const seen = Atomics.load(this.words, WORD);
      if ((seen & LOCK_OWNER_MASK) === 0) {
        const answer = binding().lockAcquire(this.#guardian.index, this.offset, 0, recover, isNewcomer);
        if (answer === LOCK_BUSY) continue;
        if (answer === LOCK_STAND_BACK) return 'free for others';
        if (answer === LOCK_POISONED) this.#failPoisoned();
        this.#taken();
        return answer === LOCK_TAKEN_FROM_DEAD ? 'taken from dead' : 'taken';
      }
      if ((seen & LOCK_WAITERS) !== 0) return 'held';
      if (Atomics.compareExchange(this.words, WORD, seen, seen | LOCK_WAITERS) === seen) {
        faultPoint('lock.afterMark');
        return 'held';
      }
    }
  }

  /**
   * Whether somebody was marked to wait: threads that sleep are woken here, event loops by the caller.
   *
   * @throws {ProcessError} `ERR_MP_NOT_OWNER` if this thread does not hold it.
   */
  release(): boolean {
    return !giveQuickly(this.words, this.tid) && this.releaseForWaiters();
  }

  /** What `release` does where somebody is marked to wait, or this thread does not hold it. */
  releaseForWaiters(): boolean {
    if (binding().lockRelease(this.#guardian.index, this.offset) === 0) return true;
    throw new ProcessError('Cannot release the lock: this thread does not hold it', { code: 'ERR_MP_NOT_OWNER' });
  }

  /** Has newcomers stand back for event loops until then, a time of `now()`; 0: no longer. */
  askForTurn(until: number): void {
    Atomics.store(this.words, LOCK_LOOP_TURN, until === 0 ? 0 : Math.floor(until) | 1);
  }

  locked(): boolean {
    return (Atomics.load(this.words, WORD) & LOCK_OWNER_MASK) !== 0;
  }

  heldHere(): boolean {
    return (Atomics.load(this.words, WORD) & LOCK_OWNER_MASK) === this.tid;
  }

  /** Whether its owner died holding it and nobody has recovered it. */
  poisoned(): boolean {
    return (Atomics.load(this.words, WORD) & LOCK_OWNER_DIED) !== 0;
  }

  /** @throws {LockOwnerDiedError} If it is poisoned. */
  assertWhole(): void {
    if (this.poisoned()) this.#failPoisoned();
  }

  /** Of its owner, or of the last one. */
  lastPid(): number {
    return Atomics.load(this.words, LAST_PID);
  }

  /** Takes the word off this thread's list; the lock must not be held here. */
  close(): void {
    unguard(this.offset);
  }

  #acquireNatively(timeoutMs: number, recover: boolean): boolean {
    const answer = binding().lockAcquire(this.#guardian.index, this.offset, timeoutMs, recover, timeoutMs !== 0);
    if (answer === LOCK_TAKEN) return this.#taken();
    if (answer === LOCK_POISONED) this.#failPoisoned();
    return false;
  }

  #failPoisoned(): never {
    const pid = Atomics.load(this.words, LAST_PID) || undefined;
    throw new LockOwnerDiedError(
      `Cannot acquire the lock: its owner${pid === undefined ? '' : `, process ${pid},`} died holding it; call recover() to repair what it protects and go on`,
      { pid },
    );
  }

  #taken(): true {
    leavePid(this.words, this.pid);
    return true;
  }
}

/** Takes a lock by its words if it is free and nobody waits; false says nothing. */
export function takeQuickly(words: Int32Array, tid: number, pid: number): boolean {
  if (Atomics.compareExchange(words, WORD, 0, tid) !== 0) return false;
  leavePid(words, pid);
  return true;
}

/** Gives a lock up by its words if this thread holds it and nobody waits; false: they are as they were. */
export function giveQuickly(words: Int32Array, tid: number): boolean {
  return Atomics.compareExchange(words, WORD, tid, 0) === tid;
}

/** The word is this thread's: nobody else writes the pid now, so it is read without the cost of an atomic read. */
function leavePid(words: Int32Array, pid: number): void {
  if (words[LAST_PID] !== pid) Atomics.store(words, LAST_PID, pid);
}
