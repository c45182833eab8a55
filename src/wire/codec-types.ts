/**
 * The seams of the wire layer: what an extension of the codec (functions, class instances, shared
 * objects) sees of it, and what the channels above carry.
 *
 * Runs in every process. Types only.
 *
 * A message never contains the static part of a function (its module and name, or its source text):
 * it names a **definition** by number. Who sends a message first sends, once per receiver, every
 * definition listed in `Encoded.definitions` that the receiver does not have yet; the receiver loads
 * definitions (which may import modules, hence be asynchronous) before it decodes, so that decoding
 * itself is always synchronous.
 */

/** The static part of a function, class or module, to be sent once per receiver. */
export interface Definition {
  /** Unique in the process family, for ever: origin process times 2^24 plus a counter. */
  readonly id: number;
  /** What `loadDefinition` of the receiver takes. */
  readonly body: Uint8Array;
  /** Definitions that the receiver must load before this one. */
  readonly requires: readonly Definition[];
  /** Whether loading it may run code: it is a module or requires one. */
  readonly loads: boolean;
}

/** One encoded message: `buffer[start..end)`; the bytes never change and belong to the holder of this object. */
export interface Encoded {
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly definitions: readonly Definition[];
  /** Shared objects that the message names: to be kept as long as somebody may read it. */
  readonly holds: readonly object[];
  /** Of a message that was gathered: what it consists of, instead of `buffer[start..end)`. Some of it is memory of the value. */
  readonly parts?: readonly Uint8Array[] | undefined;
}

/** What an extension writes with. */
export interface ValueWriter {
  u8(value: number): void;
  /** An unsigned integer up to 2^53 − 1, in 1–8 bytes. */
  varint(value: number): void;
  f64(value: number): void;
  string(value: string): void;
  bytes(value: Uint8Array): void;
  /** A nested value of any kind; `part` is how the user would write the step to it: `.cb`, `[1]`, `.get("k")`. */
  value(value: unknown, part: string): void;
  /** Names a definition, and lists it for shipping. */
  definition(definition: Definition): void;
  /** Whether the message is read once and counts as a hold of the shared objects in it. */
  readonly inFlight: boolean;
  /** Lists a shared object in `Encoded.holds`; `undo` is called if the message, or the part of it that names the object, is given up. */
  hold(object: object, undo?: () => void): void;
  /** The path of the value being written, such as `args[1].cb`. */
  path(): string;
}

/** What an extension reads with; the mirror image of `ValueWriter`. */
export interface ValueReader {
  /** Whether the message counted as a hold of the shared objects in it. */
  readonly inFlight: boolean;
  u8(): number;
  varint(): number;
  f64(): number;
  string(): string;
  /** A copy. */
  bytes(): Uint8Array;
  value(): unknown;
  /** The id of a definition that was loaded before. */
  definition(): number;
  /** Must be called with the new object before nested values are read, so that cycles find it. */
  register(object: object): void;
}

/** A kind of object with its own tag; `matches` is asked in the order of registration, for objects and functions that are no plain data. */
export interface WireExtension {
  /** 0–63, unique. */
  readonly tag: number;
  readonly name: string;
  /** Asked before those that were registered earlier. */
  readonly first?: boolean;
  /** Also asked for `ArrayBuffer`s and views on them, before they are taken as bytes. */
  readonly views?: boolean;
  matches(value: object): boolean;
  /** @throws {SerializationError} If this value cannot be sent. */
  encode(value: object, out: ValueWriter): void;
  /** Returns the object it registered. */
  decode(input: ValueReader): object;
}
