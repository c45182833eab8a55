/**
 * Writes values of any kind into messages.
 *
 * Runs in every process. Plain data is written here; `builtin-objects.ts`, `error-objects.ts` and the
 * extensions write the rest through the same methods. Values are read before the values in them are
 * written: a plain object's go over a stack, from which a failure is explained as well.
 */
import { types } from 'node:util';
import { MessageTooLargeError, SerializationError } from '../errors.js';
import { furtherProperties, isIndex } from './array-properties.js';
import { builtinOf, isForeignPlain } from './builtin-objects.js';
import { ByteWriter } from './byte-writer.js';
import type { Definition, Encoded, ValueWriter } from './codec-types.js';
import { isError, writeError } from './error-objects.js';
import { type ExtensionFilter, extensionFor } from './extensions.js';
import { refusalOf } from './refusal.js';
import { SeenObjects } from './seen-objects.js';
import { type ShapeNode, ShapeTree } from './shape-writer.js';
import { FIX_MAX, FIX_OBJECT, FLAG_REFERENCES, MAX_DEPTH, TAG } from './tags.js';
import { type OpenObject, propertyStep, throwingProperty, valuePath } from './value-path.js';

/** How a message is written. */
export interface EncodeOptions {
  /** Bytes to leave free in front of `start`, for the caller to fill in. Default 0. */
  readonly headerBytes?: number;
  /** Longest message in bytes. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Which extensions may be used. Default all. */
  readonly allow?: ExtensionFilter;
}

/** A property that was left out because it cannot be sent. */
export interface Omission {
  readonly path: string;
  readonly reason: string;
}

/** Writes one message at a time: `begin`, values, `finish`, or `fail` after anything thrown. */
export class Encoder extends ByteWriter implements ValueWriter {
  /** What to do with parts of an error that cannot be sent: leave them out and list them here; `undefined`: refuse the message. */
  omissions: Omission[] | undefined;
  /** The index of the argument being written, −1 for none. */
  argument = -1;
  /** What paths start with. */
  root = '';
  /** How many causes of errors the value being written is deep in. */
  causes = 0;
  #allow: ExtensionFilter | undefined;
  #references = false;
  #definitions: Definition[] | undefined;
  readonly #seen = new SeenObjects();

  readonly #tree = new ShapeTree();
  /** Counts messages, to know the shapes that were defined in this one. */
  #message = 0;
  readonly #shapes: ShapeNode[] = [];
  #shapeCount = 0;

  readonly #stack: unknown[] = [];
  #top = 0;
  /** The objects being written, outermost first; where their contents start on the stack (−1: nowhere); their extension's step. */
  readonly #open: (object | undefined)[] = [];
  readonly #bases: number[] = [];
  readonly #parts: (string | undefined)[] = [];
  #depth = -1;

  begin(root: string, options: EncodeOptions): void {
    this.root = root;
    this.#allow = options.allow;
    this.argument = -1;
    this.causes = 0;
    this.#references = false;
    this.#definitions = undefined;
    this.#message++;
    this.#shapeCount = 0;
    this.#tree.nextMessage();
    this.open(options.headerBytes ?? 0, options.maxBytes ?? MAX_BYTES);
    this.buffer[this.pos++] = 0;
  }

  finish(): Encoded {
    const { buffer, start, pos } = this;
    this.close();
    if (this.#references) {
      buffer[start] = FLAG_REFERENCES;
    }
    this.#seen.clear();
    this.omissions = undefined;
    return { buffer, start, end: pos, definitions: this.#definitions ?? NO_DEFINITIONS };
  }

  /** Gives the message up, and the error that says why. */
  fail(error: unknown): unknown {
    const explained = this.#explain(error);
    this.abandon();
    this.#rewind(-1, 0, 0);
    this.#seen.clear();
    this.omissions = undefined;
    return explained;
  }

  /** Writes a value of any kind with its tag. */
  write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.string(value);
        break;
      case 'number':
        this.number(value);
        break;
      case 'object':
        if (value === null) {
          this.u8(TAG.NULL);
        } else {
          this.#object(value);
        }
        break;
      case 'boolean':
        this.u8(value ? TAG.TRUE : TAG.FALSE);
        break;
      case 'undefined':
        this.u8(TAG.UNDEFINED);
        break;
      case 'bigint':
        this.#bigint(value);
        break;
      case 'function':
        this.#object(value);
        break;
      default:
        this.refuse(value);
    }
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  value(value: unknown, part: string): void {
    this.#parts[this.#depth] = part;
    this.write(value);
  }

  definition(definition: Definition): void {
    this.#definitions ??= [];
    if (!this.#definitions.includes(definition)) {
      this.#definitions.push(definition);
    }
    this.varint(definition.id);
  }

  path(): string {
    return this.#pathOf(this.#open[this.#depth]);
  }

  /** Refuses the whole message because of this value. */
  refuse(value: unknown): never {
    throw refusalOf(value, this.#pathOf(value));
  }

  /** Puts a value that was read from the current object onto the stack. */
  push(value: unknown): void {
    this.#stack[this.#top++] = value;
  }

  /** Where the next `push` goes. */
  get top(): number {
    return this.#top;
  }

  /** Declares that the contents of the current object are on the stack from `base` on. */
  pushedFrom(base: number): void {
    this.#bases[this.#depth] = base;
  }

  /** The value at a place of the stack. */
  pushed(index: number): unknown {
    return this.#stack[index];
  }

  /** Takes everything from `base` on off the stack. */
  drop(base: number): void {
    this.#clearStack(base);
  }

  /** Writes everything from `base` on, and takes it off the stack. */
  writePushed(base: number): void {
    const stack = this.#stack;
    const top = this.#top;
    this.#bases[this.#depth] = base;
    for (let i = base; i < top; i++) {
      this.write(stack[i]);
    }
    this.#clearStack(base);
  }

  /**
   * Writes a value if it can be sent, and otherwise nothing.
   * @returns Why not, where it cannot.
   */
  tryWrite(value: unknown): Omission | undefined {
    const { pos, start } = this;
    const { size } = this.#seen;
    const depth = this.#depth;
    const top = this.#top;
    const shapeCount = this.#shapeCount;
    const definitions = this.#definitions?.slice();
    try {
      this.write(value);
      return undefined;
    } catch (error) {
      const explained = this.#explain(error);
      if (!(explained instanceof SerializationError)) {
        throw error;
      }
      this.pos = this.start + (pos - start);
      this.#seen.rewind(size);
      this.#definitions = definitions;
      this.#rewind(depth, top, shapeCount);
      return { path: explained.path, reason: explained.message };
    }
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.u8(TAG.BIGINT_64);
      this.i64(value);
      return;
    }
    const digits = (value < 0n ? -value : value).toString(16);
    this.u8(TAG.BIGINT);
    this.u8(value < 0n ? 1 : 0);
    this.bytes(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
  }

  #object(value: object): void {
    const number = this.#seen.visit(value);
    if (number >= 0) {
      this.#references = true;
      this.u8(TAG.REFERENCE);
      this.varint(number);
      return;
    }
    const depth = ++this.#depth;
    if (depth >= MAX_DEPTH) {
      throw this.#tooDeep();
    }
    this.#open[depth] = value;
    this.#bases[depth] = -1;
    if (types.isProxy(value) || typeof value === 'function') {
      this.#extension(value);
    } else if (Array.isArray(value)) {
      this.#array(value);
    } else {
      const prototype: object | null = Object.getPrototypeOf(value);
      if (prototype === Object.prototype) {
        this.#plain(value as Record<string, unknown>);
      } else {
        this.#special(value, prototype);
      }
    }
    this.#open[depth] = undefined;
    this.#depth = depth - 1;
  }

  #plain(value: Record<string, unknown>): void {
    const stack = this.#stack;
    const tree = this.#tree;
    const base = this.#top;
    let top = base;
    let node = tree.root;
    let keys: string[] | undefined;
    for (const key in value) {
      if (!hasOwn.call(value, key)) {
        continue;
      }
      stack[top++] = value[key];
      if (keys === undefined) {
        const next = node.lastKey === key ? node.lastChild : tree.step(node, key);
        if (next === undefined) {
          keys = node.keys();
          keys.push(key);
        } else {
          node = next;
        }
      } else {
        keys.push(key);
      }
    }
    this.#top = top;
    this.#bases[this.#depth] = base;
    if (keys !== undefined) {
      this.#entries(TAG.ENTRIES, keys, base);
      return;
    }
    if (node.likeArguments && types.isArgumentsObject(value)) {
      this.u8(TAG.ARRAY);
      this.varint(top - base);
    } else {
      this.#shape(node);
    }
    for (let i = base; i < top; i++) {
      this.write(stack[i]);
    }
    this.#clearStack(base);
  }

  #shape(node: ShapeNode): void {
    if (node.message !== this.#message) {
      node.message = this.#message;
      node.number = this.#shapeCount;
      this.#shapes[this.#shapeCount++] = node;
      this.u8(TAG.SHAPE);
      this.bytes(node.definition);
    } else if (node.number <= FIX_MAX) {
      this.#tree.reward();
      this.u8(FIX_OBJECT | node.number);
    } else {
      this.#tree.reward();
      this.u8(TAG.OBJECT);
      this.varint(node.number);
    }
  }

  #entries(tag: number, keys: readonly string[], base: number): void {
    this.#bases[this.#depth] = base;
    this.u8(tag);
    this.varint(keys.length);
    for (let i = 0; i < keys.length; i++) {
      this.string(keys[i] as string);
      this.write(this.#stack[base + i]);
    }
    this.#clearStack(base);
  }

  #array(value: unknown[]): void {
    if (Object.getPrototypeOf(value) !== Array.prototype && !Array.isArray(Object.getPrototypeOf(value))) {
      this.#extension(value);
      return;
    }
    const { length } = value;
    const properties = furtherProperties(value);
    this.u8(properties === undefined ? TAG.ARRAY : TAG.ARRAY_WITH_PROPERTIES);
    this.varint(length);
    for (let i = 0; i < length; ) {
      const item = value[i];
      if (item === undefined && !Object.hasOwn(value, i)) {
        i = this.#holes(value, i, length);
      } else {
        this.write(item);
        i++;
      }
    }
    if (properties !== undefined) {
      this.varint(properties.length);
      for (const key of properties) {
        this.string(key);
        this.write(Reflect.get(value, key));
      }
    }
  }

  /** Writes a run of missing items; after a long one, all the rest of the array by its indices. */
  #holes(value: unknown[], from: number, length: number): number {
    let at = from + 1;
    while (at < length && at - from < HOLES_SCANNED && !Object.hasOwn(value, at)) {
      at++;
    }
    if (at < length && at - from === HOLES_SCANNED) {
      at = from;
      for (const key of Object.keys(value)) {
        const index = Number(key);
        if (isIndex(key) && index >= from && index < length) {
          this.#hole(index - at);
          this.write(value[index]);
          at = index + 1;
        }
      }
      this.#hole(length - at);
      return length;
    }
    this.#hole(at - from);
    return at;
  }

  #hole(count: number): void {
    if (count > 0) {
      this.u8(TAG.HOLES);
      this.varint(count);
    }
  }

  #special(value: object, prototype: object | null): void {
    const builtin = builtinOf(value, prototype);
    if (builtin !== undefined) {
      const extension = builtin.onBytes ? extensionFor(value, this.#allow, true) : undefined;
      if (extension === undefined) {
        builtin.write(value, this);
      } else {
        this.#extend(extension, value);
      }
    } else if (prototype === null && !types.isModuleNamespaceObject(value) && !types.isExternal(value)) {
      const keys = Object.keys(value);
      const base = this.#top;
      for (const key of keys) {
        this.push(Reflect.get(value, key));
      }
      this.#entries(TAG.NULL_PROTOTYPE, keys, base);
    } else {
      this.#extension(value);
    }
  }

  /** What is no plain data: an extension's, or an error, or plain in another realm, or refused. */
  #extension(value: object): void {
    const extension = extensionFor(value, this.#allow, false);
    if (extension !== undefined) {
      this.#extend(extension, value);
    } else if (types.isProxy(value) || typeof value === 'function') {
      this.refuse(value);
    } else if (isError(value)) {
      writeError(value, this);
    } else if (value === process.env || isForeignPlain(value)) {
      this.#plain(value as Record<string, unknown>);
    } else {
      this.refuse(value);
    }
  }

  #extend(extension: { tag: number; encode(value: object, out: ValueWriter): void }, value: object): void {
    this.u8(TAG.EXTENSION);
    this.u8(extension.tag);
    extension.encode(value, this);
    this.#parts[this.#depth] = undefined;
  }

  #explain(error: unknown): unknown {
    if (error instanceof SerializationError || error instanceof MessageTooLargeError) {
      return error;
    }
    if (error instanceof RangeError && this.#depth > DEPTH_SUSPECT) {
      return this.#tooDeep(error);
    }
    const innermost = this.#open[this.#depth];
    const key = innermost === undefined || types.isProxy(innermost) ? undefined : throwingProperty(innermost);
    const path = this.#pathOf(innermost) + (key === undefined ? '' : propertyStep(key));
    return new SerializationError(`Cannot send ${path}: reading it threw ${errorText(error)}`, { path, cause: error });
  }

  #tooDeep(cause?: unknown): SerializationError {
    const depth = this.#depth;
    const path = this.#pathOf(this.#open[depth - 1]);
    return new SerializationError(
      `Cannot send ${path}: it is nested too deep, received a depth of ${depth} where ${MAX_DEPTH} is the limit; send a flat form of it, such as an array`,
      { path, cause },
    );
  }

  #pathOf(last: unknown): string {
    const open: OpenObject[] = [];
    for (let i = 0; i <= this.#depth; i++) {
      const value = this.#open[i];
      if (value !== undefined) {
        open.push({ value, part: this.#parts[i], contents: this.#contentsOf(i) });
      }
    }
    const root = this.argument >= 0 ? `${this.root}[${this.argument}]` : this.root;
    return valuePath(root, open, last);
  }

  #contentsOf(depth: number): unknown[] {
    const base = this.#bases[depth] as number;
    if (base < 0) {
      return [];
    }
    for (let i = depth + 1; i <= this.#depth; i++) {
      const next = this.#bases[i] as number;
      if (next >= 0) {
        return this.#stack.slice(base, next);
      }
    }
    return this.#stack.slice(base, this.#top);
  }

  #clearStack(base: number): void {
    const stack = this.#stack;
    for (let i = this.#top - 1; i >= base; i--) {
      stack[i] = undefined;
    }
    this.#top = base;
  }

  /** Goes back to an earlier state of the same message. */
  #rewind(depth: number, top: number, shapeCount: number): void {
    for (let i = depth + 1; i < this.#open.length; i++) {
      this.#open[i] = undefined;
      this.#parts[i] = undefined;
    }
    this.#depth = depth;
    this.#stack.length = top;
    this.#top = top;
    for (let i = shapeCount; i < this.#shapeCount; i++) {
      (this.#shapes[i] as ShapeNode).message = 0;
    }
    this.#shapeCount = shapeCount;
  }
}

function errorText(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that has no text';
  }
}

const hasOwn = Object.prototype.hasOwnProperty;
const NO_DEFINITIONS: readonly Definition[] = Object.freeze([]);
/** 1 GiB. */
const MAX_BYTES = 1_073_741_824;
/** A run of holes longer than this is not worth looking at one by one. */
const HOLES_SCANNED = 64;
/** Above this depth a RangeError is taken for the end of the stack. */
const DEPTH_SUSPECT = 100;
