/**
 * `list` of a manager: an Array.
 *
 * Runs in servers only; clients see its methods through proxies. What leaves it as it is stands in `hosted-sequence.ts`.
 */
import { HostedSequence, sortItems } from './hosted-sequence.js';
import { atOnce, type Items, itemsOf } from './keys.js';

/** Methods of Array that change it, and Python's where they have other names. */
export class HostedList<T = unknown> extends HostedSequence<T> {
  /** Replaces an item. @throws {RangeError} If there is no such place. */
  set(index: number, item: T): void {
    this.items[this.#place(index, 'set an item')] = item;
  }

  /** Replaces an item by what `f` makes of it, with nothing between, and gives that. */
  update(index: number, f: (item: T) => T): T {
    const place = this.#place(index, 'update an item');
    return (this.items[place] = atOnce(f(this.items[place] as T), 'update an item'));
  }

  /** The new length. */
  push(...items: T[]): number {
    for (const item of items) this.items.push(item);
    return this.items.length;
  }

  /** @python `list.append` */
  append(item: T): void {
    this.items.push(item);
  }

  /** Appends all items. @python `list.extend`, `+=` */
  extend(items: Items<T>): void {
    for (const item of itemsOf(items, 'extend a list')) this.items.push(item);
  }

  /** Takes out the last item, or that at `index`; undefined: there is none. */
  pop(index = -1): T | undefined {
    return this.items.splice(index, 1)[0];
  }

  shift(): T | undefined {
    return this.items.shift();
  }

  /** The new length. */
  unshift(...items: T[]): number {
    return this.items.unshift(...items);
  }

  /** @python `list.insert` */
  insert(index: number, item: T): void {
    this.items.splice(index, 0, item);
  }

  /** Takes out the first that is equal. @throws {RangeError} If there is none. @python `list.remove` */
  remove(item: T): void {
    const index = this.indexOf(item);
    if (index < 0) throw new RangeError(`Cannot remove an item: it is not in the list, received ${String(item)}`);
    this.items.splice(index, 1);
  }

  /** Takes out the item at a place. @throws {RangeError} If there is no such place. @python `del list[index]` */
  delete(index: number): void {
    this.items.splice(this.#place(index, 'delete an item'), 1);
  }

  splice(start: number, count: number = this.items.length, ...items: T[]): T[] {
    return this.items.splice(start, count, ...items);
  }

  /** Sorts it in place: numbers by size, all else as text, unless `compare` says otherwise. */
  sort(compare?: (a: T, b: T) => number): void {
    sortItems(this.items, compare);
  }

  reverse(): void {
    this.items.reverse();
  }

  /** All of it so many times, one after the other. @python `list *= count` */
  repeat(count: number): void {
    this.items = Array.from({ length: Math.max(0, count) }, () => this.items).flat(1) as T[];
  }

  copyWithin(target: number, start: number, end?: number): void {
    this.items.copyWithin(target, start, end);
  }

  fill(item: T, start?: number, end?: number): void {
    this.items.fill(item, start, end);
  }

  clear(): void {
    this.items = [];
  }

  #place(index: number, act: string): number {
    const place = index < 0 ? index + this.items.length : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.items.length)
      throw new RangeError(`Cannot ${act}: the list has ${this.items.length}, received the index ${index}`);
    return place;
  }
}
