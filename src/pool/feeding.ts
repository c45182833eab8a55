/**
 * The maps and iterations of a pool that still have something to submit: they hold up its end.
 *
 * Runs in the process that has the pool.
 */

/** One of them. */
export interface Feed {
  /** It will submit nothing more; only the first call counts. */
  fed(): void;
  /** Takes what lets it read and submit everything, whoever reads the results. */
  onJoin(readAll: () => void): void;
}

export class Feeding {
  readonly #onFed: () => void;
  /** Each with what lets it submit everything, where it needs to be told. */
  readonly #feeds = new Map<Feed, (() => void) | undefined>();
  #waiting: (() => void)[] = [];

  /** @param onFed Called when one has come to its end. */
  constructor(onFed: () => void) {
    this.#onFed = onFed;
  }

  /** Whether nothing more will be submitted. */
  get isOver(): boolean {
    return this.#feeds.size === 0;
  }

  enter(): Feed {
    const feed: Feed = {
      fed: () => {
        if (this.#feeds.delete(feed)) this.#onFed();
      },
      onJoin: (readAll) => this.#feeds.set(feed, readAll),
    };
    this.#feeds.set(feed, undefined);
    return feed;
  }

  /** Lets all of them submit everything. */
  readAll(): void {
    for (const readAll of this.#feeds.values()) readAll?.();
  }

  /** Resolves at the next `wake()`. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
