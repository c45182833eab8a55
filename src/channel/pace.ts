/**
 * Keeps who puts near to who takes.
 *
 * Runs in every process and thread that puts. Memory that was just read is used again for the next items; a producer that is far
 * ahead needs new memory instead, whose pages have to be cleared and mapped on both sides: that takes longer than the copying.
 * So where more than some megabytes are inside it naps after an item, and puts the next one when some were taken; where nobody
 * takes, it naps only after each 32 MiB. Nobody has to wake it, so who takes does nothing for it.
 */
import type { ItemStore } from './item-store.js';

export class Pace {
  readonly #store: ItemStore;
  /** Bytes put since it napped last, and so many it puts before it naps again, since that was in vain. */
  #bytes = 0;
  #vainBytes = 0;
  #seen = 0;

  constructor(store: ItemStore) {
    this.#store = store;
  }

  /** Whether to nap after an item of so many bytes. */
  isAhead(bytes: number): boolean {
    if (!this.#store.isAhead(AHEAD_BYTES)) return false;
    this.#bytes += bytes;
    if (this.#bytes < this.#vainBytes) return false;
    this.#bytes = 0;
    this.#seen = this.#store.takeWord.version;
    return true;
  }

  async nap(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, NAP_MS));
    this.#wake();
  }

  napSync(): void {
    Atomics.wait(NEVER, 0, 0, NAP_MS);
    this.#wake();
  }

  #wake(): void {
    const isOfUse = this.#store.takeWord.version !== this.#seen;
    this.#vainBytes = isOfUse ? 0 : Math.min(MOST_VAIN_BYTES, this.#vainBytes * 2 + 2 ** 20);
  }
}

const AHEAD_BYTES = 2 ** 23;
const NAP_MS = 0.5;
const MOST_VAIN_BYTES = 2 ** 25;
/** Nobody notifies it. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));
