/**
 * Keeps who puts long items near to who takes them.
 *
 * Runs in every process and thread that puts. Memory that was just read is used again for the next item; a producer that is far
 * ahead needs new memory instead, whose pages have to be cleared and mapped on both sides: that takes longer than the copying.
 * So after a long item, where more than some are inside, it waits until one is taken, for two milliseconds at most; and
 * where nobody takes, only after each thirty-second item.
 */
import { TimeoutError } from '../errors.js';
import type { WaitPoint } from '../substrate/wait-point.js';
import type { ItemStore } from './item-store.js';

export class Pace {
  readonly #store: ItemStore;
  readonly #room: WaitPoint;
  /** How often it did not wait, and is not to, since that was in vain. */
  #skipped = 0;
  #vain = 0;

  /** @param room Where it is told that something was taken. */
  constructor(store: ItemStore, room: WaitPoint) {
    this.#store = store;
    this.#room = room;
  }

  /** Whether to wait after an item of so many bytes. */
  isAhead(bytes: number): boolean {
    return bytes >= LONG_BYTES && this.#store.bytes >= AHEAD_BYTES && this.#skipped++ >= this.#vain;
  }

  async keep(): Promise<void> {
    try {
      await this.#room.waitAsync(this.#untilTaken(), WAIT_MS, WHAT);
      this.#waited(true);
    } catch (error) {
      this.#failed(error);
    }
  }

  keepSync(): void {
    try {
      this.#room.waitSync(this.#untilTaken(), WAIT_MS, WHAT, this.#store.takeWord);
      this.#waited(true);
    } catch (error) {
      this.#failed(error);
    }
  }

  #untilTaken(): () => true | undefined {
    const { takeWord } = this.#store;
    const seen = takeWord.version;
    return () => (takeWord.version === seen ? undefined : true);
  }

  #waited(wasOfUse: boolean): void {
    this.#skipped = 0;
    this.#vain = wasOfUse ? 0 : Math.min(MOST_SKIPPED, this.#vain * 2 + 1);
    this.#room.wake(1); // a wake that was meant for one who waits for room may have come here
  }

  #failed(error: unknown): void {
    this.#waited(false);
    if (!(error instanceof TimeoutError)) throw error;
  }
}

const LONG_BYTES = 2 ** 18;
const AHEAD_BYTES = 2 ** 23;
const WAIT_MS = 2;
const MOST_SKIPPED = 31;
const WHAT = 'wait for a taker: nothing was taken';
