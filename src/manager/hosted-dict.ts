/**
 * `dict` of a manager: a Map.
 *
 * Runs in servers only; clients see its methods through proxies.
 */
import { firstEntries } from './first-content.js';
import { atOnce, type Items, itemsOf, keyOf } from './keys.js';

/** Methods of Map, and Python's where they have other names. Keys are anything but plain objects. */
export class HostedDict<K = unknown, V = unknown> {
  readonly #map: Map<K, V>;

  /** @internal */
  constructor(entries: Iterable<readonly [K, V]> = []) {
    this.#map = new Map();
    for (const [key, value] of firstEntries(entries)) this.set(key, value);
  }

  /** The value; `otherwise` if there is none. */
  get(key: K, otherwise?: V): V | undefined {
    return this.#map.has(key) ? this.#map.get(key) : otherwise;
  }

  /** Sets a value. */
  set(key: K, value: V): void {
    this.#map.set(keyOf(key, 'a key') as K, value);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  /** Whether there was one to delete. */
  delete(key: K): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map.clear();
  }

  size(): number {
    return this.#map.size;
  }

  keys(): K[] {
    return [...this.#map.keys()];
  }

  values(): V[] {
    return [...this.#map.values()];
  }

  entries(): [K, V][] {
    return [...this.#map];
  }

  /** As `entries`. @python `dict.items` */
  items(): [K, V][] {
    return this.entries();
  }

  /** Calls a function for each entry, in the server. */
  forEach(f: (value: V, key: K) => unknown): void {
    for (const [key, value] of this.#map) f(value, key);
  }

  /** Sets what `f` makes of the value, with nothing between, and gives that. With entries instead of a key: sets all of them. */
  update(key: K, f: (value: V | undefined) => V): V;
  update(entries: Items<readonly [K, V]>): void;
  update(key: K | Items<readonly [K, V]>, f?: (value: V | undefined) => V): V | void {
    if (f === undefined) {
      for (const [each, value] of itemsOf(key as Items<readonly [K, V]>, 'update a dict')) this.set(each, value);
      return undefined;
    }
    const value = atOnce(f(this.#map.get(key as K)), 'update a value');
    this.set(key as K, value);
    return value;
  }

  /** The value; if there is none, `value` becomes it. @python `dict.setdefault` */
  setDefault(key: K, value: V): V {
    if (!this.#map.has(key)) this.set(key, value);
    return this.#map.get(key) as V;
  }

  /** Takes a value out; `otherwise` if there is none. */
  pop(key: K, otherwise?: V): V | undefined {
    const value = this.#map.has(key) ? this.#map.get(key) : otherwise;
    this.#map.delete(key);
    return value;
  }

  /** Takes the last entry out. @python `dict.popitem` */
  popItem(): [K, V] | undefined {
    const last = [...this.#map].at(-1);
    if (last !== undefined) this.#map.delete(last[0]);
    return last;
  }

  /** A copy of all of it. */
  copy(): Map<K, V> {
    return new Map(this.#map);
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#map[Symbol.iterator]();
  }
}
