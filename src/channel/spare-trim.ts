/**
 * Gives large segments that lie spare back to the machine when no item has been taken for a while.
 *
 * Runs in every process and thread that takes. As long as large items keep coming their memory is used again, for clearing and
 * mapping it anew takes several times as long as copying; a queue that is idle keeps only little. Whoever took last sees to it:
 * its event loop by a timer, blocking code whenever it looks again for an item. If it dies, or does neither, the memory stays
 * until somebody else does, or until the queue is freed.
 */
import { now } from '../substrate/clock.js';
import type { ItemStore } from './item-store.js';

export class SpareTrim {
  readonly #store: ItemStore;
  #timer: NodeJS.Timeout | undefined;
  /** What was taken when somebody looked last, and when that was; undefined: nothing to be trimmed is known. */
  #seen: { version: number; at: number } | undefined;

  constructor(store: ItemStore) {
    this.#store = store;
  }

  /** An item was taken. */
  taken(): void {
    if (this.#seen !== undefined || !this.#store.sparesMuch) return;
    this.#seen = { version: this.#store.takeWord.version, at: now() };
    this.#timer ??= setTimeout(() => this.#look(), IDLE_MS).unref();
  }

  /** No item was there. */
  idle(): void {
    if (this.#seen !== undefined && now() - this.#seen.at >= IDLE_MS) this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#seen = undefined;
  }

  #look(): void {
    const version = this.#store.takeWord.version;
    const isIdle = version === this.#seen?.version;
    this.close();
    if (isIdle) this.#store.trim();
    this.taken();
  }
}

const IDLE_MS = 1000;
