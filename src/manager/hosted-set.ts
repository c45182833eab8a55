/**
 * `set` of a manager: a Set.
 *
 * Runs in servers only; clients see its methods through proxies.
 */
import { firstItems } from './first-content.js';
import { type Items, itemsOf, keyOf } from './keys.js';

/** Methods of Set, and Python's where they have other names. Items are anything but plain objects. */
export class HostedSet<T = unknown> {
  readonly #set = new Set<T>();

  /** @internal */
  constructor(items: Iterable<T> = []) {
    for (const item of firstItems(items, 'a set')) this.add(item);
  }

  add(item: T): void {
    this.#set.add(keyOf(item, 'an item of a set') as T);
  }

  has(item: T): boolean {
    return this.#set.has(item);
  }

  /** Whether there was one to delete. */
  delete(item: T): boolean {
    return this.#set.delete(item);
  }

  /** As `delete`. @python `set.discard` */
  discard(item: T): boolean {
    return this.#set.delete(item);
  }

  /** Deletes an item. @throws {RangeError} If it is not there. @python `set.remove` */
  remove(item: T): void {
    if (!this.#set.delete(item)) throw new RangeError(`Cannot remove an item: it is not in the set, received ${String(item)}`);
  }

  /** Takes any item out; undefined: there is none. */
  pop(): T | undefined {
    const [first] = this.#set;
    this.#set.delete(first as T);
    return first;
  }

  clear(): void {
    this.#set.clear();
  }

  size(): number {
    return this.#set.size;
  }

  keys(): T[] {
    return [...this.#set];
  }

  values(): T[] {
    return [...this.#set];
  }

  entries(): [T, T][] {
    return [...this.#set.entries()];
  }

  /** Calls a function for each item, in the server. */
  forEach(f: (item: T) => unknown): void {
    for (const item of this.#set) f(item);
  }

  /** Adds all items. @python `set.update`, `|=` */
  update(items: Items<T>): void {
    for (const item of itemsOf(items, ACT)) this.add(item);
  }

  /** What is here or there. */
  union(others: Items<T>): Set<T> {
    return new Set([...this.#set, ...itemsOf(others, ACT)]);
  }

  /** What is here and there. */
  intersection(others: Items<T>): Set<T> {
    const there = new Set(itemsOf(others, ACT));
    return new Set([...this.#set].filter((item) => there.has(item)));
  }

  /** What is here and not there. */
  difference(others: Items<T>): Set<T> {
    const there = new Set(itemsOf(others, ACT));
    return new Set([...this.#set].filter((item) => !there.has(item)));
  }

  /** What is either here or there. */
  symmetricDifference(others: Items<T>): Set<T> {
    const there = new Set(itemsOf(others, ACT));
    return new Set([...this.difference(there), ...[...there].filter((item) => !this.#set.has(item))]);
  }

  isSubsetOf(others: Items<T>): boolean {
    const there = new Set(itemsOf(others, ACT));
    return [...this.#set].every((item) => there.has(item));
  }

  isSupersetOf(others: Items<T>): boolean {
    return itemsOf(others, ACT).every((item) => this.#set.has(item));
  }

  isDisjointFrom(others: Items<T>): boolean {
    return itemsOf(others, ACT).every((item) => !this.#set.has(item));
  }

  /** Keeps only what is there too. @python `set.intersection_update` */
  intersectionUpdate(others: Items<T>): void {
    this.#become(this.intersection(others));
  }

  /** Deletes what is there. @python `set.difference_update` */
  differenceUpdate(others: Items<T>): void {
    this.#become(this.difference(others));
  }

  /** @python `set.symmetric_difference_update` */
  symmetricDifferenceUpdate(others: Items<T>): void {
    this.#become(this.symmetricDifference(others));
  }

  /** A copy of all of it. */
  copy(): Set<T> {
    return new Set(this.#set);
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#set[Symbol.iterator]();
  }

  #become(items: ReadonlySet<T>): void {
    this.#set.clear();
    for (const item of items) this.#set.add(item);
  }
}

const ACT = 'compare or join sets';
