/**
 * Whose turn it is to send, or to receive, where several processes have the same end of a socket connection.
 *
 * Runs in every process and thread that has such an end. A turn lasts for one message, whatever its size, so messages of
 * several senders never mix and each is received by one receiver.
 *
 * Who may die at which step: whoever has the turn and is not within a message: the next one takes it from the dead. Within a
 * message, which the word says from before its first byte until after its last: nobody knows where the next message begins, so
 * that direction has ended for all, and each of them is told so.
 */
import { ChannelClosedError, TimeoutError } from '../errors.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { LockWord } from '../substrate/lock-word.js';
import { WAIT_POINT_BYTES, WaitPoint } from '../substrate/wait-point.js';

/** Bytes of zeroed memory that turns need. */
export const TURNS_BYTES: number = LINE_BYTES + WAIT_POINT_BYTES;

export class Turns {
  readonly #lock: LockWord;
  readonly #point: WaitPoint;
  readonly #state: Int32Array;
  readonly #word: number;
  #mine = false;
  #asked: AbortController | undefined;

  /** @param offset Of the memory. @param word Where in `state` it says whether somebody is within a message. */
  constructor(offset: number, state: Int32Array, word: number) {
    this.#lock = new LockWord(offset);
    this.#point = new WaitPoint(offset + LINE_BYTES, true);
    this.#state = state;
    this.#word = word;
  }

  /** Whether it is this thread's turn. */
  get mine(): boolean {
    return this.#mine;
  }

  /** Takes the turn; false: another process is within a message. @throws {ChannelClosedError} If somebody died within one. */
  take(): boolean {
    if (this.#mine) return true;
    if (this.#lock.tryQuickly()) return this.#taken();
    const got = this.#lock.tryAcquireOrMark(true);
    return (got === 'taken' || got === 'taken from dead') && this.#taken();
  }

  /** As `take`, but blocks this thread for so long. */
  takeSync(timeoutMs: number): boolean {
    if (this.#mine) return true;
    try {
      this.#lock.recoverSync(timeoutMs);
    } catch (error) {
      if (error instanceof TimeoutError) return false;
      throw error;
    }
    return this.#taken();
  }

  /** Has `then` called when it is this thread's turn, unless `giveUp` comes first. */
  ask(then: () => void): void {
    if (this.#asked !== undefined) return;
    const asked = (this.#asked = new AbortController());
    const settled = () => {
      if (this.#asked === asked) this.#asked = undefined;
      then();
    };
    this.#point
      .waitAsync(() => this.take() || undefined, { signal: asked.signal }, 'take turns')
      .then(settled, () => {
        if (!asked.signal.aborted) settled(); // it is told again to who tries
      });
  }

  /** As `take`; where it is not this thread's turn, `then` is called when it is. */
  takeOrAsk(then: () => void): boolean {
    if (this.take()) return true;
    this.ask(then);
    return false;
  }

  /** Nobody here wants a turn any more. */
  giveUp(): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.abort();
    if (this.#mine && Atomics.load(this.#state, this.#word) === BETWEEN) this.#leave();
  }

  /** From now on this thread is within a message. */
  begin(): void {
    Atomics.store(this.#state, this.#word, WITHIN);
  }

  /** The message is over, and with it the turn. */
  finish(): void {
    if (!this.#mine) return;
    Atomics.compareExchange(this.#state, this.#word, WITHIN, BETWEEN);
    this.#leave();
  }

  /** The message will never be over. */
  break(): void {
    if (!this.#mine) return;
    Atomics.store(this.#state, this.#word, BROKEN);
    this.#leave();
  }

  /** Lets go of the lock, having broken off what is under way; whether it was within a message. */
  close(): boolean {
    const within = this.#mine && Atomics.load(this.#state, this.#word) !== BETWEEN;
    if (within) this.break();
    this.giveUp();
    this.#lock.close();
    return within;
  }

  #taken(): true {
    this.#mine = true;
    if (Atomics.load(this.#state, this.#word) === BETWEEN) return true;
    this.break();
    throw new ChannelClosedError(
      'Cannot use the connection: another process that had this end of it, too, ended within a message; nobody knows where the next one begins',
    );
  }

  #leave(): void {
    this.#mine = false;
    if (this.#lock.release()) this.#point.ringWaiting();
  }
}

/** Somebody who had the end died: all look again. */
export function wakeTurns(offset: number): void {
  new WaitPoint(offset + LINE_BYTES, true).wakeAfterDeath();
}

const BETWEEN = 0;
const WITHIN = 1;
const BROKEN = 2;
