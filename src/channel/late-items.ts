/**
 * Items that a blocking call has taken and cannot read, because modules have to be imported first: the next calls give them.
 *
 * Runs in every process and thread.
 */
import { DeserializationError } from '../errors.js';
import type { Received } from './item.js';

export class LateItems {
  readonly #items: Received[] = [];
  readonly #loaded = new WeakSet<Received>();

  get count(): number {
    return this.#items.length;
  }

  /** The first one, before anything else is taken. */
  take(): Received | undefined {
    return this.#items.length === 0 ? undefined : this.#items.shift();
  }

  /** What a blocking call gives. @throws {DeserializationError} If it cannot be read yet: then it is kept. */
  valueOf(received: Received): unknown {
    if (received.loading === undefined) return received.value;
    if (this.#loaded.has(received)) return received.read();
    this.#items.unshift(received);
    void received.loading.then(() => this.#loaded.add(received));
    throw new DeserializationError(
      'Cannot get: the item needs a module that is imported only now, for which a blocking call cannot wait; use get(), which gives this item next',
    );
  }
}
