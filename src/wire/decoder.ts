/**
 * Reads values of any kind from messages, whatever the bytes are.
 *
 * Runs in every process. Throws `DeserializationError` only; builds no object that the message does
 * not have bytes for, and follows no name but those of `TAG`, of shapes and of extensions.
 */
import { DeserializationError } from '../errors.js';
import { readArray } from './arrays.js';
import { readBuiltin } from './builtin-objects.js';
import { readArrayBuffer, readBuffer, readView } from './byte-objects.js';
import { ByteReader } from './byte-reader.js';
import type { ValueReader } from './codec-types.js';
import { type DecodeLimits, LIMITED_DEPTH, LIMITED_OBJECTS } from './decode-limits.js';
import { readError } from './error-objects.js';
import { type ExtensionFilter, extensionByTag } from './extensions.js';
import { readEntries } from './plain-objects.js';
import { type Shape, ShapeCache, type ShapeInput } from './shape-reader.js';
import { FIX_MAX, FIX_OBJECT, FIX_STRING, FLAG_REFERENCES, MAX_DEPTH, TAG } from './tags.js';

/** How a message is read. */
export interface DecodeOptions {
  /** The buffer belongs to the message: large `Buffer`s may be views on it. Default false: all is copied. */
  readonly owned?: boolean;
  /** Which extensions may be used. Default all. */
  readonly allow?: ExtensionFilter;
  /** The message was written with the same option: it counted as a hold of the shared objects in it. Default false. */
  readonly inFlight?: boolean;
  /** For messages that come over a socket. Default none: messages of the own family. */
  readonly limits?: DecodeLimits;
}

/** Reads one message at a time: `begin`, values, `finish`, or `fail` after anything thrown. */
export class Decoder extends ByteReader implements ValueReader, ShapeInput {
  owned = false;
  inFlight = false;
  /** Whether the message has `limits`. */
  limited = false;
  #depthMax = MAX_DEPTH;
  /** How many more objects a limited message may have. */
  #objectsLeft = 0;
  #allow: ExtensionFilter | undefined;
  /** Whether objects are numbered, because some are referred to. */
  #numbered = false;
  #objects: (object | undefined)[] = [];
  /** The place of the object that an extension has to register; −1: the next one. */
  #slot = -1;
  #depth = 0;
  readonly #cache = new ShapeCache();
  #shapes: Shape[] = [];

  begin(buffer: Uint8Array, start: number, end: number, options: DecodeOptions): void {
    if (!(start >= 0 && start <= end && end <= buffer.length)) {
      throw new DeserializationError(
        `Cannot read a message: it is not within its buffer of ${buffer.length} bytes, received ${start} to ${end}`,
      );
    }
    this.open(buffer, start, end);
    this.owned = options.owned ?? false;
    this.inFlight = options.inFlight ?? false;
    this.#allow = options.allow;
    this.#limit(options.limits);
    this.#slot = -1;
    this.#depth = 0;
    const flags = this.u8();
    if (flags > FLAG_REFERENCES) {
      this.fail('it is of another version');
    }
    this.#numbered = flags === FLAG_REFERENCES;
  }

  /** Says that there must be nothing more. */
  finish(): void {
    if (this.pos !== this.end) {
      this.fail('it goes on behind its end');
    }
  }

  /** Forgets the message. */
  override close(): void {
    super.close();
    if (this.#objects.length > 0) {
      this.#objects = [];
    }
    if (this.#shapes.length > 0) {
      this.#shapes = [];
    }
  }

  /** Reads a value of any kind. */
  read(): unknown {
    const tag = this.u8();
    if (tag < FIX_STRING) {
      return tag;
    }
    if (tag < FIX_OBJECT) {
      return this.shortString(tag & FIX_MAX);
    }
    if (tag <= FIX_OBJECT + FIX_MAX) {
      return this.#object(tag & FIX_MAX);
    }
    switch (tag) {
      case TAG.UNDEFINED:
        return undefined;
      case TAG.NULL:
        return null;
      case TAG.FALSE:
        return false;
      case TAG.TRUE:
        return true;
      case TAG.INTEGER_16:
        return this.i16();
      case TAG.INTEGER_32:
        return this.i32();
      case TAG.DOUBLE:
        return this.f64();
      case TAG.BIGINT_64:
        return this.i64();
      case TAG.BIGINT:
        return this.#bigint();
      case TAG.STRING_LATIN1:
        return this.latin1();
      case TAG.STRING_UTF16:
        return this.utf16();
      case TAG.REFERENCE:
        return this.#reference();
      default:
        return this.#container(tag);
    }
  }

  value(): unknown {
    return this.read();
  }

  bytes(): Uint8Array {
    const length = this.count(1);
    const { pos } = this;
    this.pos = pos + length;
    return new Uint8Array(this.buffer.subarray(pos, this.pos));
  }

  definition(): number {
    return this.varint();
  }

  /** Gives the object the number it is referred to by. */
  register<T extends object>(object: T): T {
    if (this.#numbered) {
      if (this.#slot >= 0) {
        this.#objects[this.#slot] = object;
      } else {
        this.#objects.push(object);
      }
    }
    return object;
  }

  /** Takes a number for an object that is made after its contents. */
  reserve(): number {
    return this.#objects.push(undefined) - 1;
  }

  /** Gives the object a number taken before. */
  fill(slot: number, object: object): void {
    this.#objects[slot] = object;
  }

  #bigint(): bigint {
    const negative = this.u8() === 1;
    const digits = Buffer.from(this.bytes()).toString('hex');
    const value = BigInt(`0x${digits === '' ? '0' : digits}`);
    return negative ? -value : value;
  }

  #reference(): object {
    return this.#objects[this.varint()] ?? this.fail('it refers to an object that it does not have');
  }

  #container(tag: number): unknown {
    this.#enter(tag);
    // What an extension has to register is its own object, not one of those in it.
    const slot = this.#slot;
    this.#slot = -1;
    const value = this.#open(tag);
    this.#slot = slot;
    this.#depth--;
    return value;
  }

  #open(tag: number): unknown {
    switch (tag) {
      case TAG.SHAPE:
        return this.#build(this.#define());
      case TAG.OBJECT:
        return this.#object(this.varint());
      case TAG.ENTRIES:
        return readEntries(this.register({}), this);
      case TAG.NULL_PROTOTYPE:
        return readEntries(this.register(Object.create(null)), this);
      case TAG.ARRAY:
        return readArray(this);
      case TAG.ARRAY_WITH_PROPERTIES:
        return readEntries(readArray(this), this);
      case TAG.BUFFER:
        return readBuffer(this);
      case TAG.ARRAY_BUFFER:
        return readArrayBuffer(this);
      case TAG.VIEW:
        return readView(this);
      case TAG.ERROR:
        return readError(this);
      case TAG.EXTENSION:
        return this.#extension();
      default:
        return readBuiltin(tag, this);
    }
  }

  #define(): Shape {
    const end = this.count(1) + this.pos;
    const shape = this.#cache.shape(this.buffer, this.pos, end, () => {
      const keys: string[] = [];
      for (let rest = this.count(1); rest > 0; rest--) {
        keys.push(this.string());
      }
      return this.pos === end ? keys : this.fail('a shape does not end where it says');
    });
    this.pos = end;
    this.#shapes.push(shape);
    return shape;
  }

  #object(number: number): object {
    const shape = this.#shapes[number];
    if (shape === undefined) {
      return this.fail('it has an object of a shape that it does not define');
    }
    this.#enter(TAG.OBJECT);
    const slot = this.#slot;
    this.#slot = -1;
    const object = this.#build(shape);
    this.#slot = slot;
    this.#depth--;
    return object;
  }

  #limit(limits: DecodeLimits | undefined): void {
    this.limited = limits !== undefined;
    if (limits !== undefined) {
      this.#depthMax = Math.min(limits.depth ?? LIMITED_DEPTH, MAX_DEPTH);
      this.#objectsLeft = limits.objects ?? LIMITED_OBJECTS;
    } else {
      this.#depthMax = MAX_DEPTH;
    }
  }

  #enter(tag: number): void {
    if (++this.#depth > this.#depthMax) {
      this.fail(`it is nested deeper than ${this.#depthMax}`);
    }
    if (this.limited) {
      this.#count(tag);
    }
  }

  #count(tag: number): void {
    if ((tag === TAG.EXTENSION && this.#allow === undefined) || tag === TAG.REGEXP) {
      this.fail('it has something that is no data, which is not taken from this sender');
    }
    if (--this.#objectsLeft < 0) {
      this.fail('it has too many objects');
    }
  }

  #build(shape: Shape): object {
    if (this.limited) {
      return shape.buildSlowly(this);
    }
    return this.#numbered ? shape.buildRegistered(this) : shape.build(this);
  }

  #extension(): object {
    const tag = this.u8();
    const extension = extensionByTag(tag);
    if (extension === undefined || this.#allow?.(extension) === false) {
      return this.fail(`it has a value of the extension ${extension?.name ?? tag}, which is not known here`);
    }
    const slot = this.#numbered ? this.reserve() : -1;
    this.#slot = slot;
    const value = extension.decode(this);
    if (slot >= 0) {
      this.fill(slot, value);
    }
    return value;
  }
}
