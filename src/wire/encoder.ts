/**
 * Writes values of any kind into messages.
 *
 * Runs in every process. Decides what a value is; `plain-objects.ts`, `arrays.ts`, `builtin-objects.ts`,
 * `byte-objects.ts`, `error-objects.ts` and the extensions write it through the same methods.
 */
import { types } from 'node:util';
import { SerializationError } from '../errors.js';
import { writeArray } from './arrays.js';
import { builtinOf, isForeignPlain } from './builtin-objects.js';
import { ByteWriter } from './byte-writer.js';
import type { Definition, Encoded, ValueWriter, WireExtension } from './codec-types.js';
import { isError, writeError } from './error-objects.js';
import { type DecodeLimits, LIMITED_DEPTH, LIMITED_OBJECTS } from './decode-limits.js';
import { type ExtensionFilter, extensionFor } from './extensions.js';
import { GATHERED_MIN } from './gathered-bytes.js';
import { MessageExtras } from './message-extras.js';
import { OpenObjects } from './open-objects.js';
import { writeBare, writePlain } from './plain-objects.js';
import { depthRefusal, refusalFor, refusalOf } from './refusal.js';
import { SeenObjects } from './seen-objects.js';
import { ShapeTree } from './shape-writer.js';
import { FLAG_REFERENCES, TAG } from './tags.js';

/** How a message is written. */
export interface EncodeOptions {
  /** Bytes to leave free in front of `start`, for the caller to fill in. Default 0. */
  readonly headerBytes?: number;
  /** Longest message in bytes. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Which extensions may be used. Default all. */
  readonly allow?: ExtensionFilter;
  /** The message will be read once, with the same option, and counts as a hold of the shared objects in it. Default false. */
  readonly inFlight?: boolean;
  /** Long bytes are not copied: the message is `parts`, which must be used before anything can change the value. Default false. */
  readonly gather?: boolean;
  /** With `gather`: shorter bytes are copied. Default 16 KiB. */
  readonly gatherMin?: number;
  /** For a reader that is not of the family, with the same limits: data only. Default none. */
  readonly receiverLimits?: DecodeLimits;
}

/** A property that was left out because it cannot be sent. */
export interface Omission {
  readonly path: string;
  readonly reason: string;
}

/** Writes one message at a time: `begin`, values, `finish`, or `fail` after anything thrown. */
export class Encoder extends ByteWriter implements ValueWriter {
  /** What paths start with. */
  root = '';
  /** The index of the argument being written, −1 for none. */
  argument = -1;
  /** Collects what of an error cannot be sent and is left out; `undefined`: such a message is refused. */
  omissions: Omission[] | undefined;
  /** How many causes of errors the value being written is deep in. */
  causes = 0;
  /** The objects being written, and what was read from them. */
  readonly open: OpenObjects = new OpenObjects();
  /** The shapes of plain objects. */
  readonly tree: ShapeTree = new ShapeTree();
  readonly #seen = new SeenObjects();
  readonly #extras = new MessageExtras();

  #allow: ExtensionFilter | undefined;
  #references = false;
  #inFlight = false;
  #limits: DecodeLimits | undefined;
  /** So many bytes or more are not copied. */
  #gatherMin = Number.POSITIVE_INFINITY;

  begin(root: string, options: EncodeOptions): void {
    this.root = root;
    this.argument = -1;
    this.causes = 0;
    this.#allow = options.allow;
    this.#references = false;
    this.#inFlight = options.inFlight ?? false;
    this.#limits = options.receiverLimits;
    this.#gatherMin = options.gather === true ? (options.gatherMin ?? GATHERED_MIN) : Number.POSITIVE_INFINITY;
    this.#extras.begin();
    this.tree.nextMessage();
    this.openMessage(options.headerBytes ?? 0, options.maxBytes ?? MAX_BYTES);
    this.u8(0);
  }

  finish(): Encoded {
    const { buffer, start, pos } = this;
    const extras = this.#extras;
    const changed = extras.changed();
    if (changed !== undefined) {
      this.refuse(changed);
    }
    this.closeMessage();
    if (this.#references) {
      buffer[start] = FLAG_REFERENCES;
    }
    this.#seen.clear();
    this.omissions = undefined;
    const parts = extras.parts(buffer, start, pos);
    return { buffer, start, end: pos, definitions: extras.definitions, holds: extras.holds, parts };
  }

  /** Gives the message up, and the error that says why. */
  fail(error: unknown): unknown {
    const refusal = refusalFor(error, this.open, this.#root());
    this.abandonMessage();
    this.#extras.rewind();
    this.open.rewind(-1, 0);
    this.tree.rewind(0);
    this.#seen.clear();
    this.omissions = undefined;
    return refusal;
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
        this.bigint(value);
        break;
      case 'function':
        this.#object(value);
        break;
      default:
        this.refuse(value);
    }
  }

  override bytes(value: Uint8Array): void {
    if (value.length < this.#gatherMin) {
      super.bytes(value);
      return;
    }
    this.varint(value.length);
    this.#extras.gather(this.pos - this.start, value);
    this.countElsewhere(value.length);
  }

  value(value: unknown, part: string): void {
    this.open.nameStep(part);
    this.write(value);
    this.open.nameStep(undefined);
  }

  definition(definition: Definition): void {
    this.#extras.needs(definition);
    this.varint(definition.id);
  }

  get inFlight(): boolean {
    return this.#inFlight;
  }

  hold(object: object, undo?: () => void): void {
    this.#extras.hold(object, undo);
  }

  path(): string {
    return this.open.path(this.#root(), this.open.innermost);
  }

  /** Whether it is data only that may be written. */
  get limited(): boolean {
    return this.#limits !== undefined;
  }

  /** Refuses the whole message because of this value. */
  refuse(value: unknown, reason?: string): never {
    throw refusalOf(value, this.open.path(this.#root(), value), reason);
  }

  /** Writes the values on the stack from `base` on, and takes them off. */
  writePushed(base: number): void {
    const { open } = this;
    const { stack, top } = open;
    open.pushedFrom(base);
    for (let i = base; i < top; i++) {
      this.write(stack[i]);
    }
    open.drop(base);
  }

  /**
   * Writes a value if it can be sent, and otherwise nothing.
   * @returns Why not, where it cannot.
   */
  tryWrite(value: unknown): Omission | undefined {
    const length = this.pos - this.start;
    const { depth, top } = this.open;
    const { size } = this.#seen;
    const { count } = this.tree;
    const mark = this.#extras.mark();
    try {
      this.write(value);
      return undefined;
    } catch (error) {
      const refusal = refusalFor(error, this.open, this.#root());
      if (!(refusal instanceof SerializationError)) {
        throw error;
      }
      this.pos = this.start + length;
      this.countElsewhere(-this.#extras.rewind(mark));
      this.open.rewind(depth, top);
      this.#seen.rewind(size);
      this.tree.rewind(count);
      return { path: refusal.path, reason: refusal.message };
    }
  }

  #object(value: object): void {
    const number = this.#seen.visit(value);
    if (number >= 0) {
      this.#references = true;
      this.u8(TAG.REFERENCE);
      this.varint(number);
      return;
    }
    const { open } = this;
    if (!open.enter(value)) {
      throw depthRefusal(open, this.#root());
    }
    if (this.#limits !== undefined) {
      this.#checkLimits(value, this.#limits);
    }
    if (types.isProxy(value) || typeof value === 'function') {
      this.#extension(value);
    } else {
      const prototype: object | null = Object.getPrototypeOf(value);
      if (prototype === Object.prototype) {
        writePlain(value as Record<string, unknown>, this);
      } else if (Array.isArray(value) && (prototype === Array.prototype || Array.isArray(prototype))) {
        // Only the prototype of a realm's own arrays is an array.
        writeArray(value, this);
      } else {
        this.#special(value, prototype);
      }
    }
    open.leave();
  }

  /** Refuses what the reader would. */
  #checkLimits(value: object, { depth = LIMITED_DEPTH, objects = LIMITED_OBJECTS }: DecodeLimits): void {
    const reason =
      this.open.depth >= depth
        ? `it is nested deeper than ${depth}`
        : this.#seen.size > objects
          ? `there are more than ${objects} objects`
          : types.isRegExp(value)
            ? 'it is a regular expression, which is not sent over sockets; send its source'
            : undefined;
    if (reason !== undefined) {
      this.refuse(value, reason);
    }
  }

  /** What is neither a plain object nor an array. */
  #special(value: object, prototype: object | null): void {
    const builtin = builtinOf(value, prototype);
    if (builtin !== undefined) {
      const extension = builtin.onBytes ? extensionFor(value, undefined, true) : undefined;
      if (extension === undefined) {
        builtin.write(value, this);
      } else if (this.#allow?.(extension) === false) {
        this.refuse(value); // never a silent copy of what is shared elsewhere
      } else {
        this.#extend(extension, value);
      }
    } else if (prototype === null && !types.isModuleNamespaceObject(value) && !types.isExternal(value)) {
      writeBare(value, this);
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
      writePlain(value as Record<string, unknown>, this);
    } else {
      this.refuse(value);
    }
  }

  #extend(extension: WireExtension, value: object): void {
    this.u8(TAG.EXTENSION);
    this.u8(extension.tag);
    extension.encode(value, this);
  }

  #root(): string {
    return this.argument >= 0 ? `${this.root}[${this.argument}]` : this.root;
  }
}

/** 1 GiB. */
const MAX_BYTES = 1_073_741_824;
