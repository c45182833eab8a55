/**
 * `list` of a manager: an Array.
 *
 * Runs in servers only; clients see its methods through proxies. Functions that are given to it run in the server.
 */
import { atOnce, isSame } from './keys.js';

/** A function of an item and its place. */
type Of<T, R> = (item: T, index: number) => R;

/** Methods of Array, and Python's where they have other names. What is equal is found, not only what is the same. */
export class HostedList<T = unknown> {
  #items: T[];

  /** @internal */
  constructor(items: Iterable<T> = []) {
    this.#items = [...items];
  }

  /** An item, counted from the end if `index` is negative; undefined beyond. */
  at(index: number): T | undefined {
    return this.#items.at(index);
  }

  /** As `at`. */
  get(index: number): T | undefined {
    return this.#items.at(index);
  }

  /** Replaces an item. @throws {RangeError} If there is no such place. */
  set(index: number, item: T): void {
    this.#items[this.#place(index, 'set an item')] = item;
  }

  /** Replaces an item by what `f` makes of it, with nothing between, and gives that. */
  update(index: number, f: (item: T) => T): T {
    const place = this.#place(index, 'update an item');
    return (this.#items[place] = atOnce(f(this.#items[place] as T), 'update an item'));
  }

  length(): number {
    return this.#items.length;
  }

  /** The new length. */
  push(...items: T[]): number {
    for (const item of items) this.#items.push(item);
    return this.#items.length;
  }

  /** @python `list.append` */
  append(item: T): void {
    this.#items.push(item);
  }

  /** Appends all items. @python `list.extend`, `+=` */
  extend(items: Iterable<T>): void {
    for (const item of items) this.#items.push(item);
  }

  /** Takes out the last item, or that at `index`; undefined: there is none. */
  pop(index = -1): T | undefined {
    return this.#items.splice(index, 1)[0];
  }

  shift(): T | undefined {
    return this.#items.shift();
  }

  /** The new length. */
  unshift(...items: T[]): number {
    return this.#items.unshift(...items);
  }

  /** @python `list.insert` */
  insert(index: number, item: T): void {
    this.#items.splice(index, 0, item);
  }

  /** Takes out the first that is equal. @throws {RangeError} If there is none. @python `list.remove` */
  remove(item: T): void {
    const index = this.indexOf(item);
    if (index < 0) throw new RangeError(`Cannot remove an item: it is not in the list, received ${String(item)}`);
    this.#items.splice(index, 1);
  }

  splice(start: number, count: number = this.#items.length, ...items: T[]): T[] {
    return this.#items.splice(start, count, ...items);
  }

  slice(start?: number, end?: number): T[] {
    return this.#items.slice(start, end);
  }

  concat(...others: (T | readonly T[])[]): T[] {
    return this.#items.concat(...(others as T[]));
  }

  indexOf(item: T, from = 0): number {
    const first = from < 0 ? Math.max(0, this.#items.length + from) : from;
    return this.#items.findIndex((each, index) => index >= first && isSame(each, item));
  }

  lastIndexOf(item: T): number {
    return this.#items.findLastIndex((each) => isSame(each, item));
  }

  includes(item: T): boolean {
    return this.indexOf(item) >= 0;
  }

  /** How many are equal. @python `list.count` */
  count(item: T): number {
    return this.#items.filter((each) => isSame(each, item)).length;
  }

  /** Sorts it in place: numbers by size, all else as text, unless `compare` says otherwise. */
  sort(compare?: (a: T, b: T) => number): void {
    const isNumeric = this.#items.every((item) => typeof item === 'number' || typeof item === 'bigint');
    this.#items.sort(compare ?? (isNumeric ? byNumber : undefined));
  }

  reverse(): void {
    this.#items.reverse();
  }

  fill(item: T, start?: number, end?: number): void {
    this.#items.fill(item, start, end);
  }

  join(separator?: string): string {
    return this.#items.join(separator);
  }

  clear(): void {
    this.#items = [];
  }

  keys(): number[] {
    return [...this.#items.keys()];
  }

  values(): T[] {
    return [...this.#items];
  }

  entries(): [number, T][] {
    return [...this.#items.entries()];
  }

  forEach(f: Of<T, unknown>): void {
    this.#items.forEach((item, index) => void f(item, index));
  }

  map<U>(f: Of<T, U>): U[] {
    return this.#items.map((item, index) => f(item, index));
  }

  filter(f: Of<T, unknown>): T[] {
    return this.#items.filter((item, index) => f(item, index));
  }

  find(f: Of<T, unknown>): T | undefined {
    return this.#items.find((item, index) => f(item, index));
  }

  findIndex(f: Of<T, unknown>): number {
    return this.#items.findIndex((item, index) => f(item, index));
  }

  findLast(f: Of<T, unknown>): T | undefined {
    return this.#items.findLast((item, index) => f(item, index));
  }

  findLastIndex(f: Of<T, unknown>): number {
    return this.#items.findLastIndex((item, index) => f(item, index));
  }

  some(f: Of<T, unknown>): boolean {
    return this.#items.some((item, index) => f(item, index));
  }

  every(f: Of<T, unknown>): boolean {
    return this.#items.every((item, index) => f(item, index));
  }

  reduce<U>(f: (sum: U, item: T, index: number) => U, initial: U): U {
    return this.#items.reduce((sum, item, index) => f(sum, item, index), initial);
  }

  flat(): unknown[] {
    return this.#items.flat();
  }

  flatMap<U>(f: Of<T, U | readonly U[]>): U[] {
    return this.#items.flatMap((item, index) => f(item, index));
  }

  /** All items. */
  toArray(): T[] {
    return [...this.#items];
  }

  /** As `toArray`. @python `list.copy` */
  copy(): T[] {
    return [...this.#items];
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]();
  }

  #place(index: number, act: string): number {
    const place = index < 0 ? index + this.#items.length : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.#items.length)
      throw new RangeError(`Cannot ${act}: the list has ${this.#items.length}, received the index ${index}`);
    return place;
  }
}

function byNumber(a: unknown, b: unknown): number {
  return Number((a as number) > (b as number)) - Number((a as number) < (b as number));
}
