/**
 * Iterators of hosted objects, and those that methods return: they stay in the server and give their items in chunks.
 *
 * Runs in servers only.
 */
import type { ItemChunk } from '../proxies/protocol.js';
import { coreOf } from '../proxies/proxy.js';

export class HostedIterator {
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #isAsync: boolean;
  /** What it threw behind items that go first. */
  #failure: { readonly error: unknown } | undefined;

  constructor(iterator: Iterator<unknown> | AsyncIterator<unknown>, isAsync: boolean) {
    this.#iterator = iterator;
    this.#isAsync = isAsync;
  }

  /** More items: of what is there at once many, else the next one. */
  next(): ItemChunk | Promise<ItemChunk> {
    return this.#isAsync ? this.#nextLater() : this.#nextAtOnce();
  }

  return(): void {
    const ended = this.#iterator.return?.();
    if (ended instanceof Promise) ended.catch(() => undefined);
  }

  #nextAtOnce(): ItemChunk {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    const items: unknown[] = [];
    let bytes = 0;
    try {
      while (items.length < CHUNK_ITEMS && bytes < CHUNK_BYTES) {
        const next = (this.#iterator as Iterator<unknown>).next();
        if (next.done === true) return { items, done: true };
        items.push(next.value);
        bytes += roughBytes(next.value);
      }
    } catch (error) {
      if (items.length === 0) throw error;
      this.#failure = { error };
    }
    return { items, done: false };
  }

  async #nextLater(): Promise<ItemChunk> {
    const next = await (this.#iterator as AsyncIterator<unknown>).next();
    return next.done === true ? { items: [], done: true } : { items: [next.value], done: false };
  }
}

/** An iterator that a method returned; undefined for everything else. */
export function asIterator(value: object): HostedIterator | undefined {
  if (coreOf(value) !== undefined || typeof Reflect.get(value, 'next') !== 'function') return undefined;
  if (Symbol.asyncIterator in value) return new HostedIterator(value as unknown as AsyncIterator<unknown>, true);
  return Symbol.iterator in value ? new HostedIterator(value as unknown as Iterator<unknown>, false) : undefined;
}

/** The items of an object. @throws {TypeError} If it has none. */
export function iteratorOf(object: object, typeId: string): HostedIterator {
  const { [Symbol.iterator]: items, [Symbol.asyncIterator]: later } = object as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  if (typeof later === 'function') return new HostedIterator(later.call(object), true);
  if (typeof items === 'function') return new HostedIterator(items.call(object), false);
  throw new TypeError(`Cannot iterate: ${typeId} is not iterable`);
}

/** What dominates a message: strings, bytes, and what consists of them. */
function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (Array.isArray(value))
    return value.length * 8 + (value.length < 16 ? value.reduce((sum: number, each) => sum + roughBytes(each), 0) : 0);
  return 16;
}

const CHUNK_ITEMS = 256;
const CHUNK_BYTES = 65_536;
