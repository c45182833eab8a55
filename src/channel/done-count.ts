/**
 * How many items of a JoinableQueue are done, and who waits until all are.
 *
 * Runs in every process and thread. One word, which changes by one atomic operation; all are done when it is the number of items
 * that were ever put. Who may die at which step: see `wait-point.ts`.
 */
import type { Wait } from '../substrate/wait-limit.js';
import { WaitPoint } from '../substrate/wait-point.js';
import type { ItemStore } from './item-store.js';

export class DoneCount {
  readonly #words: Int32Array;
  readonly #word: number;
  readonly #store: ItemStore;
  readonly #assertOpen: () => void;
  readonly #point: WaitPoint;

  /**
   * @param words With the counter at `word`.
   * @param point Offset of the wait point.
   * @param assertOpen Throws once the queue is closed here.
   */
  constructor(
    { words, word, point }: { words: Int32Array; word: number; point: number },
    store: ItemStore,
    assertOpen: () => void,
  ) {
    this.#words = words;
    this.#word = word;
    this.#store = store;
    this.#assertOpen = assertOpen;
    this.#point = new WaitPoint(point, false);
  }

  /** Counts one; false: all are done already. */
  addOne(): boolean {
    for (;;) {
      const done = Atomics.load(this.#words, this.#word);
      if (done === (this.#store.putCount | 0)) return false;
      if (Atomics.compareExchange(this.#words, this.#word, done, (done + 1) | 0) === done) break;
    }
    if (this.#isComplete()) this.#point.wake();
    return true;
  }

  /** Counts items that were thrown away; whoever waits is woken by the caller. */
  add(count: number): void {
    Atomics.add(this.#words, this.#word, count);
  }

  async wait(wait: Wait | undefined): Promise<void> {
    await this.#point.waitAsync(this.#attempt, wait, WHAT);
  }

  waitSync(timeoutMs: number | undefined): void {
    this.#point.waitSync(this.#attempt, timeoutMs, WHAT);
  }

  wake(): void {
    this.#point.wake();
  }

  /** Lets the waits of this thread see that the queue is closed. */
  pump(): void {
    this.#point.pump();
  }

  #isComplete(): boolean {
    return Atomics.load(this.#words, this.#word) === (this.#store.putCount | 0);
  }

  readonly #attempt = (): true | undefined => {
    this.#assertOpen();
    return this.#isComplete() ? true : undefined;
  };
}

const WHAT = 'join: some items are not done';
