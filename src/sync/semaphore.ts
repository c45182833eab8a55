/**
 * Counted permits between processes and threads of a family.
 *
 * Runs in every process and thread.
 *
 * ```text
 * header word 5   the value, where permits are only counted
 * byte 0          wait point
 * byte 128        a word for each permit, where their owners are known (`owned-permits.ts`)
 * ```
 */
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, isOpening, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { checkFunction, checkInteger, checkOptionsObject } from '../substrate/argument-checks.js';
import { LINE_BYTES } from '../substrate/layout.js';
import type { ParticipantId } from '../substrate/participants.js';
import { bodyBytes, FIRST_OWN_WORD, optionsOf, type SharedPiece } from '../substrate/shared-piece.js';
import type { Wait } from '../substrate/wait-limit.js';
import type { WatchedWord } from '../substrate/spin.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { CountedPermits } from './counted-permits.js';
import { syncLimits } from './lock-core.js';
import { freePermitsOf, OwnedPermits } from './owned-permits.js';
import type { Permits } from './permits.js';

/** What becomes of permits whose owner died. */
export interface SemaphoreOptions {
  /** Permits that a process or thread had taken when it died are given back. Default false: they are lost, as in Python. */
  readonly returnOnDeath?: boolean;
}

/**
 * A number of permits; who takes one when there is none waits.
 *
 * - Anybody may release, also who took none.
 * - Waits of one event loop are served in their order; between processes and threads a permit goes to whoever is first.
 * - A waiter that dies changes nothing for the others. Permits of the dead are lost unless `returnOnDeath` is set.
 *
 * @python `multiprocessing.Semaphore`
 */
export class Semaphore implements Disposable {
  static {
    showAs(Semaphore, (semaphore) => ({ value: semaphore.#permits.value() }));
  }

  readonly #permits: Permits;
  readonly #point: WaitPoint;
  /** Where one word says how many there are. */
  readonly #watched: WatchedWord | undefined;

  /**
   * @param value Permits at the beginning. Default 1.
   * @throws {TypeError|RangeError} If it is no integer, negative or too large.
   */
  constructor(value = 1, options: SemaphoreOptions = {}) {
    checkOptionsObject('Cannot create a semaphore', options);
    const isBounded = new.target === BoundedSemaphore || new.target.prototype instanceof BoundedSemaphore;
    const isOwned = isBounded || options.returnOnDeath === true;
    const isNew = !isOpening();
    if (isNew) checkInteger('Cannot create a semaphore', 'value', value, { least: 0, most: isOwned ? MOST_OWNED : 2 ** 31 - 1 });
    const room = isOwned ? (isBounded ? value : Math.max(ROOM_TO_RAISE, value)) : 0;
    const kind = isBounded ? KIND.BOUNDED_SEMAPHORE : KIND.SEMAPHORE;
    const piece = pieceFor(kind, WAIT_POINT_BYTES + room * 4, isOwned ? OWNED : 0);
    const permits = permitsOf(piece, !isBounded);
    if (isNew) permits.set(value);
    this.#permits = permits;
    this.#watched = isOwned ? undefined : piece.ownWord;
    this.#point = new WaitPoint(piece.body, true);
    adoptPiece(this, piece, isBounded ? boundedSemaphoreKind : semaphoreKind);
  }

  /** Waits for a permit; the event loop goes on. @throws {TimeoutError} If there was none in time. */
  async acquire(wait?: Wait): Promise<this> {
    await this.#point.waitAsync(this.#take, wait, 'acquire the semaphore: it had no permit');
    return this;
  }

  /** As `acquire`, but blocks this thread. */
  acquireSync(wait?: Wait): this {
    this.#point.waitSync(this.#take, syncLimits(wait).timeout, 'acquire the semaphore: it had no permit', this.#watched);
    return this;
  }

  /** Takes a permit if there is one. */
  tryAcquire(): boolean {
    return this.#permits.take();
  }

  /**
   * Gives permits back, or new ones.
   *
   * @param count How many. Default 1.
   * @throws {ProcessError} `ERR_MP_OVER_RELEASE` if there would be more than may be.
   */
  release(count = 1): void {
    checkInteger('Cannot release the semaphore', 'count', count, { least: 1 });
    this.#permits.give(count);
    this.#point.wake(count);
  }

  /** Permits that are free at this moment. */
  getValue(): number {
    return this.#permits.value();
  }

  /** Whether there is no free permit at this moment. */
  locked(): boolean {
    return this.#permits.value() === 0;
  }

  /** Runs `f` with a permit. */
  async run<T>(f: () => T | Promise<T>): Promise<T> {
    checkFunction('Cannot call Semaphore.run()', 'f', f);
    await this.acquire();
    try {
      return await f();
    } finally {
      this.release();
    }
  }

  /** Runs `f` with a permit, blocking this thread until there is one. */
  runSync<T>(f: () => T): T {
    checkFunction('Cannot call Semaphore.runSync()', 'f', f);
    this.acquireSync();
    try {
      return f();
    } finally {
      this.release();
    }
  }

  /** Releases one permit. */
  [Symbol.dispose](): void {
    this.release();
  }

  readonly #take = (): true | undefined => (this.#permits.take() ? true : undefined);
}

/**
 * A semaphore that never has more permits than at the beginning, and gets those of the dead back.
 *
 * @python `multiprocessing.BoundedSemaphore`
 */
export class BoundedSemaphore extends Semaphore {
  /** @param value Permits at the beginning, and at most. Default 1. */
  constructor(value = 1) {
    super(value);
  }
}

function permitsOf(piece: SharedPiece, mayRaise: boolean): CountedPermits | OwnedPermits {
  if (piece.options !== OWNED) return new CountedPermits(piece.header, FIRST_OWN_WORD);
  return new OwnedPermits(piece.body + WAIT_POINT_BYTES, (piece.bytes - WAIT_POINT_BYTES) / 4, mayRaise);
}

function died(offset: number, dead: ParticipantId, header: Int32Array): void {
  const body = offset + LINE_BYTES;
  if (optionsOf(header) === OWNED) freePermitsOf(dead, body + WAIT_POINT_BYTES, (bodyBytes(header) - WAIT_POINT_BYTES) / 4);
  new WaitPoint(body, true).wakeAfterDeath();
}

const OWNED = 1;
/** So many permits may a semaphore that returns them have at least. */
const ROOM_TO_RAISE = 1024;
const MOST_OWNED = 1_000_000;

/** How such objects are sent and repaired. */
export const semaphoreKind: SharedKind = {
  kind: KIND.SEMAPHORE,
  open: (piece) => constructOn(piece, () => new Semaphore()),
  died,
};
/** How such objects are sent and repaired. */
export const boundedSemaphoreKind: SharedKind = {
  kind: KIND.BOUNDED_SEMAPHORE,
  open: (piece) => constructOn(piece, () => new BoundedSemaphore()),
  died,
};
