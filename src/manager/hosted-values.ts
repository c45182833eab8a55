/**
 * `Namespace`, `Value` and `Array` of a manager.
 *
 * Runs in servers only; clients see their methods through proxies.
 */
import { addElement, loadElement, storeElement } from '../memory/elements.js';
import { arrayContent, arrayType, fillArray } from '../memory/shared-bytes.js';
import { type AnyTypedArray, type ElementOf, elementType, type ElementType, type TypeCode } from '../memory/type-codes.js';
import { firstAttributes } from './first-content.js';
import { atOnce } from './keys.js';

/** Attributes by their names. */
export class HostedNamespace {
  readonly #attributes: Map<string, unknown>;

  /** @internal */
  constructor(attributes: Readonly<Record<string, unknown>> = {}) {
    this.#attributes = new Map(Object.entries(firstAttributes(attributes)));
  }

  /** The value; undefined if there is none. */
  get(name: string): unknown {
    return this.#attributes.get(name);
  }

  set(name: string, value: unknown): void {
    if (typeof name !== 'string')
      throw new TypeError(`Cannot set an attribute: its name must be a string, received ${String(name)}`);
    this.#attributes.set(name, value);
  }

  /** Sets what `f` makes of the value, with nothing between, and gives that. */
  update(name: string, f: (value: unknown) => unknown): unknown {
    const value = atOnce(f(this.#attributes.get(name)), 'update an attribute');
    this.set(name, value);
    return value;
  }

  delete(name: string): boolean {
    return this.#attributes.delete(name);
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  keys(): string[] {
    return [...this.#attributes.keys()];
  }

  entries(): [string, unknown][] {
    return [...this.#attributes];
  }

  /** A copy of all attributes. */
  copy(): Record<string, unknown> {
    return Object.fromEntries(this.#attributes);
  }

  [Symbol.iterator](): IterableIterator<[string, unknown]> {
    return this.#attributes[Symbol.iterator]();
  }
}

/** One value of a type. */
export class HostedValue<C extends TypeCode | 'bool' | 'json' = TypeCode> {
  readonly #type: ElementType | undefined;
  readonly #cell: AnyTypedArray | undefined;
  #value: unknown;

  /** @internal */
  constructor(code: C, value?: ElementOf<C>) {
    if (code !== 'json') {
      this.#type = elementType(code, 'create a value');
      this.#cell = this.#type.view(new ArrayBuffer(8), 0, 1);
    }
    if (value !== undefined) this.set(value);
  }

  get(): ElementOf<C> {
    if (this.#type === undefined || this.#cell === undefined) return this.#value as ElementOf<C>;
    return loadElement(this.#type, this.#cell, 0) as ElementOf<C>;
  }

  /** @throws {TypeError|RangeError} If the value is none of the type. */
  set(value: ElementOf<C>): void {
    if (this.#type === undefined || this.#cell === undefined) this.#value = value;
    else storeElement(this.#type, this.#cell, 0, value, `set a value of the type '${this.#type.code}'`);
  }

  /** Adds to an integer, and gives what it was before. */
  add(delta: ElementOf<C>): ElementOf<C> {
    if (this.#type === undefined || this.#cell === undefined) throw new TypeError("Cannot add to a value of the type 'json'");
    if (this.#type.kind !== 'float') return addElement(this.#type, this.#cell, 0, delta) as ElementOf<C>;
    const before = this.get();
    this.set(((before as number) + (delta as number)) as ElementOf<C>);
    return before;
  }

  /** Sets what `f` makes of the value, with nothing between, and gives that. */
  update(f: (value: ElementOf<C>) => ElementOf<C>): ElementOf<C> {
    this.set(atOnce(f(this.get()), 'update a value'));
    return this.get();
  }

  /** As `get`. */
  copy(): ElementOf<C> {
    return this.get();
  }
}

/** Values of one type, of fixed length. */
export class HostedArray<C extends TypeCode = TypeCode> {
  readonly #type: ElementType;
  readonly #view: AnyTypedArray;

  /** @internal */
  constructor(code: C, init: number | Iterable<ElementOf<C>>) {
    this.#type = arrayType(code, CREATE);
    const content = arrayContent(this.#type, init, CREATE);
    this.#view = this.#type.view(new ArrayBuffer(Math.max(8, content.length * this.#type.bytes)), 0, content.length);
    fillArray(this.#type, this.#view, content, CREATE);
  }

  length(): number {
    return this.#view.length;
  }

  /** An element, counted from the end if `index` is negative, undefined beyond; without an index all of them. */
  get(): ElementOf<C>[];
  get(index: number): ElementOf<C> | undefined;
  get(index?: number): ElementOf<C> | undefined | ElementOf<C>[] {
    if (index === undefined) return this.toArray();
    const place = index < 0 ? index + this.#view.length : index;
    return place in this.#view ? (loadElement(this.#type, this.#view, place) as ElementOf<C>) : undefined;
  }

  /** As `get` with an index. */
  at(index: number): ElementOf<C> | undefined {
    return this.get(index);
  }

  /** Writes an element. @throws {RangeError} If there is no such place, or the value is out of range. */
  set(index: number, value: ElementOf<C>): void {
    const place = index < 0 ? index + this.#view.length : index;
    if (!Number.isInteger(place) || place < 0 || place >= this.#view.length)
      throw new RangeError(`Cannot set an element: the array has ${this.#view.length}, received the index ${index}`);
    storeElement(this.#type, this.#view, place, value, `set the element ${place}`);
  }

  /** Writes an element to what `f` makes of it, with nothing between, and gives that. */
  update(index: number, f: (value: ElementOf<C> | undefined) => ElementOf<C>): ElementOf<C> {
    const value = atOnce(f(this.get(index)), 'update an element');
    this.set(index, value);
    return value;
  }

  fill(value: ElementOf<C>, start = 0, end: number = this.#view.length): void {
    for (let index = start; index < end; index++) this.set(index, value);
  }

  slice(start?: number, end?: number): ElementOf<C>[] {
    return this.toArray().slice(start, end);
  }

  toArray(): ElementOf<C>[] {
    return [...this];
  }

  /** As `toArray`. */
  copy(): ElementOf<C>[] {
    return this.toArray();
  }

  *[Symbol.iterator](): IterableIterator<ElementOf<C>> {
    for (let index = 0; index < this.#view.length; index++) yield loadElement(this.#type, this.#view, index) as ElementOf<C>;
  }
}

const CREATE = 'create an array';
