/**
 * What a `list` of a manager is asked: methods that leave it as it is.
 *
 * Runs in servers only. Functions that are given to it run in the server.
 */
import { firstItems } from './first-content.js';
import { isSame } from './keys.js';

/** A function of an item and its place. */
type Of<T, R> = (item: T, index: number) => R;

/** Methods of Array, and Python's where they have other names. What is equal is found, not only what is the same. */
export class HostedSequence<T = unknown> {
  protected items: T[];

  /** @internal */
  constructor(items: Iterable<T> = []) {
    this.items = firstItems(items, 'a list');
  }

  /** An item, counted from the end if `index` is negative; undefined beyond. */
  at(index: number): T | undefined {
    return this.items.at(index);
  }

  /** As `at`. */
  get(index: number): T | undefined {
    return this.items.at(index);
  }

  length(): number {
    return this.items.length;
  }

  slice(start?: number, end?: number): T[] {
    return this.items.slice(start, end);
  }

  concat(...others: (T | readonly T[])[]): T[] {
    return this.items.concat(...(others as T[]));
  }

  indexOf(item: T, from = 0): number {
    const first = from < 0 ? Math.max(0, this.items.length + from) : from;
    return this.items.findIndex((each, index) => index >= first && isSame(each, item));
  }

  lastIndexOf(item: T, from: number = this.items.length - 1): number {
    const last = from < 0 ? this.items.length + from : from;
    return this.items.findLastIndex((each, index) => index <= last && isSame(each, item));
  }

  /** As `indexOf`. @throws {RangeError} If there is none. @python `list.index` */
  index(item: T, from = 0): number {
    const found = this.indexOf(item, from);
    if (found < 0) throw new RangeError(`Cannot find an item: it is not in the list, received ${String(item)}`);
    return found;
  }

  includes(item: T): boolean {
    return this.indexOf(item) >= 0;
  }

  /** How many are equal. @python `list.count` */
  count(item: T): number {
    return this.items.filter((each) => isSame(each, item)).length;
  }

  /** The items in another order; the list stays as it is. */
  toReversed(): T[] {
    return [...this.items].reverse();
  }

  /** As `sort`; the list stays as it is. */
  toSorted(compare?: (a: T, b: T) => number): T[] {
    return sortItems([...this.items], compare);
  }

  join(separator?: string): string {
    return this.items.join(separator);
  }

  keys(): number[] {
    return [...this.items.keys()];
  }

  values(): T[] {
    return [...this.items];
  }

  entries(): [number, T][] {
    return [...this.items.entries()];
  }

  forEach(f: Of<T, unknown>): void {
    this.items.forEach((item, index) => void f(item, index));
  }

  map<U>(f: Of<T, U>): U[] {
    return this.items.map((item, index) => f(item, index));
  }

  filter(f: Of<T, unknown>): T[] {
    return this.items.filter((item, index) => f(item, index));
  }

  find(f: Of<T, unknown>): T | undefined {
    return this.items.find((item, index) => f(item, index));
  }

  findIndex(f: Of<T, unknown>): number {
    return this.items.findIndex((item, index) => f(item, index));
  }

  findLast(f: Of<T, unknown>): T | undefined {
    return this.items.findLast((item, index) => f(item, index));
  }

  findLastIndex(f: Of<T, unknown>): number {
    return this.items.findLastIndex((item, index) => f(item, index));
  }

  some(f: Of<T, unknown>): boolean {
    return this.items.some((item, index) => f(item, index));
  }

  every(f: Of<T, unknown>): boolean {
    return this.items.every((item, index) => f(item, index));
  }

  reduce<U>(f: (sum: U, item: T, index: number) => U, initial: U): U {
    return this.items.reduce((sum, item, index) => f(sum, item, index), initial);
  }

  reduceRight<U>(f: (sum: U, item: T, index: number) => U, initial: U): U {
    return this.items.reduceRight((sum, item, index) => f(sum, item, index), initial);
  }

  flat(depth?: number): unknown[] {
    return (this.items as unknown[]).flat(depth);
  }

  flatMap<U>(f: Of<T, U | readonly U[]>): U[] {
    return this.items.flatMap((item, index) => f(item, index));
  }

  /** All items. */
  toArray(): T[] {
    return [...this.items];
  }

  /** As `toArray`. @python `list.copy` */
  copy(): T[] {
    return [...this.items];
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.items[Symbol.iterator]();
  }
}

/** Sorts in place: numbers by size, all else as text, unless `compare` says otherwise. */
export function sortItems<T>(items: T[], compare: ((a: T, b: T) => number) | undefined): T[] {
  const isNumeric = items.every((item) => typeof item === 'number' || typeof item === 'bigint');
  return items.sort(compare ?? (isNumeric ? byNumber : undefined));
}

function byNumber(a: unknown, b: unknown): number {
  return Number((a as number) > (b as number)) - Number((a as number) < (b as number));
}
