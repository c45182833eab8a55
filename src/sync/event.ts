/**
 * A flag that processes and threads of a family wait for.
 *
 * Runs in every process and thread. Header word 5: bit 0 whether it is set, the others count how often it was set; byte
 * 0 of the body: wait point. One word changed by compare-exchange, so whoever dies has either set it or not; see
 * `wait-point.ts` for a setter that dies before it woke the waiters.
 */
import { showAs } from '../sharing/inspection.js';
import { adoptPiece, constructOn, KIND, pieceFor, type SharedKind } from '../sharing/shared-kinds.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { FIRST_OWN_WORD } from '../substrate/shared-piece.js';
import type { Wait } from '../substrate/wait-limit.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';
import { syncLimits } from './lock-core.js';

const STATE = FIRST_OWN_WORD;
const IS_SET = 1;

/**
 * A flag: `wait` resolves as soon as it is set.
 *
 * - `set()` wakes all who wait, also if `clear()` follows at once.
 * - Nothing here waits for another process; one that dies while it waits changes nothing for the others.
 *
 * @python `multiprocessing.Event`; there a pulse of `set()` and `clear()` can be lost.
 */
export class Event {
  static {
    showAs(Event, (event) => ({ isSet: event.isSet() }));
  }

  readonly #header: Int32Array;
  readonly #point: WaitPoint;

  /** @throws {ResourceExhaustedError} If there is no shared memory left. */
  constructor() {
    const piece = pieceFor(KIND.EVENT, WAIT_POINT_BYTES);
    this.#header = piece.header;
    this.#point = new WaitPoint(piece.body, false);
    adoptPiece(this, piece, eventKind);
  }

  isSet(): boolean {
    return (Atomics.load(this.#header, STATE) & IS_SET) !== 0;
  }

  /** Sets the flag and wakes all who wait. */
  set(): void {
    for (;;) {
      const seen = Atomics.load(this.#header, STATE);
      if (Atomics.compareExchange(this.#header, STATE, seen, ((seen | IS_SET) + 2) | 0) === seen) break;
    }
    this.#point.wake();
  }

  clear(): void {
    Atomics.and(this.#header, STATE, ~IS_SET);
  }

  /** Waits until the flag is set; the event loop goes on. @throws {TimeoutError} If it was not in time. */
  async wait(wait?: Wait): Promise<void> {
    await this.#point.waitAsync(this.#wasSet(), wait, 'wait for the event: it was not set');
  }

  /** As `wait`, but blocks this thread. */
  waitSync(wait?: Wait): void {
    this.#point.waitSync(this.#wasSet(), syncLimits(wait).timeout, 'wait for the event: it was not set');
  }

  /** Whether it is set, or was since this call. */
  #wasSet(): () => true | undefined {
    const before = Atomics.load(this.#header, STATE) >> 1;
    return () => {
      const seen = Atomics.load(this.#header, STATE);
      return (seen & IS_SET) !== 0 || seen >> 1 !== before ? true : undefined;
    };
  }
}

/** How such objects are sent and repaired. */
export const eventKind: SharedKind = {
  kind: KIND.EVENT,
  open: (piece) => constructOn(piece, () => new Event()),
  died: (offset) => new WaitPoint(offset + LINE_BYTES, false).wakeAfterDeath(),
};
