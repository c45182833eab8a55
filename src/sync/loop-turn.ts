/**
 * How one wait of an event loop for a lock takes turns with the others (`substrate/lock-word.ts`).
 *
 * Runs in every process and thread. A newcomer stands back for those who have waited for long, and looks again when their
 * time is up; a wait that finds the lock taken again and again asks for a turn itself. Who dies leaves a time that passes.
 */
import { now } from '../substrate/clock.js';
import type { Attempted, LockWord } from '../substrate/lock-word.js';
import type { WaitPoint } from '../substrate/wait-point.js';

/** Who has waited for so long is no newcomer, and asks for a turn, for as long again but not less than `SHORTEST_TURN_MS`. */
const PATIENCE_MS = 1;
const SHORTEST_TURN_MS = 10;
/** So long does a newcomer stand back at most. */
const STAND_BACK_MS = 10;

export class LoopTurn {
  readonly #word: LockWord;
  readonly #point: WaitPoint;
  readonly #begun = now();
  #hasAsked = false;
  #standsBack: NodeJS.Timeout | undefined;
  #isNewcomer = true;

  constructor(word: LockWord, point: WaitPoint) {
    this.#word = word;
    this.#point = point;
  }

  attempt(recover: boolean): Attempted {
    const waited = now() - this.#begun;
    if (waited > PATIENCE_MS && this.#standsBack === undefined) this.#isNewcomer = false;
    const how = this.#word.tryAcquireOrMark(recover, this.#isNewcomer);
    if (how === 'free for others') this.#standBack();
    else this.#isNewcomer = false;
    if (how === 'held' && waited > PATIENCE_MS) {
      this.#hasAsked = true;
      this.#word.askForTurn(now() + Math.max(waited, SHORTEST_TURN_MS));
    }
    return how;
  }

  #standBack(): void {
    this.#standsBack ??= setTimeout(() => {
      this.#isNewcomer = false;
      this.#point.pump();
    }, STAND_BACK_MS);
  }

  /** The wait is over, whatever became of it. */
  end(): void {
    clearTimeout(this.#standsBack);
    if (this.#hasAsked) this.#word.askForTurn(0);
  }
}
