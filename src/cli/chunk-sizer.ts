/**
 * How many items go into one batch: what the user said, or as many as run about ten milliseconds.
 *
 * Runs in the parent. A task costs microseconds on its way; a batch of ten milliseconds hides that and still ends
 * soon enough for progress, order and an even finish.
 */
import type { MapOptions } from './map-options.js';

/** Follows the run time of the items. */
export class ChunkSizer {
  readonly #fixed: number | undefined;
  #itemMs: number | undefined;

  constructor(options: Pick<MapOptions, 'chunkSize' | 'timeout'>) {
    this.#fixed = options.chunkSize ?? (options.timeout === undefined ? undefined : 1);
  }

  /** Items for the next batch, at most. */
  get size(): number {
    if (this.#fixed !== undefined) return this.#fixed;
    if (this.#itemMs === undefined) return 1;
    return Math.max(1, Math.min(MAX_ITEMS, Math.round(BATCH_MS / Math.max(this.#itemMs, 1e-6))));
  }

  /** Takes in how long a batch ran, in milliseconds. */
  observe(items: number, elapsed: number): void {
    const itemMs = elapsed / items;
    this.#itemMs = this.#itemMs === undefined ? itemMs : this.#itemMs + (itemMs - this.#itemMs) * NEWEST_WEIGHT;
  }
}

const BATCH_MS = 10;
const MAX_ITEMS = 1000;
const NEWEST_WEIGHT = 0.2;
