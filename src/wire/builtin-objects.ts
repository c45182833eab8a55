/**
 * The kinds of objects of the language and the platform that travel as data, both ways.
 *
 * Runs in every process. Found by prototype, and where that belongs to another realm (a `vm` context,
 * as of test runners) by what the engine knows of the object; instances of subclasses are no data.
 */
import { types } from 'node:util';
import { byteObjects } from './byte-objects.js';
import type { Decoder } from './decoder.js';
import type { Encoder } from './encoder.js';
import { TAG } from './tags.js';

/** One kind of object. */
export interface BuiltinObject {
  /** The prototype of this realm. */
  readonly prototype: object;
  /** Whether the engine made this object as one of the kind. */
  matches(value: object): boolean;
  write(value: object, out: Encoder): void;
  /** Whether it stands for bytes that may belong to an extension. */
  readonly onBytes?: boolean;
  /** How many prototypes an object of the kind has. Default 2. */
  readonly prototypes?: number;
}

/** The kind of an object that is data as it is. */
export function builtinOf(value: object, prototype: object | null): BuiltinObject | undefined {
  if (prototype === null) {
    return undefined;
  }
  const builtin = BY_PROTOTYPE.get(prototype);
  if (builtin !== undefined) {
    return builtin.matches(value) ? builtin : undefined;
  }
  if (prototypeCount(value) > PROTOTYPES_MAX || !isOfRealm(value)) {
    return undefined;
  }
  const count = prototypeCount(value);
  return FOREIGN.find((kind) => (kind.prototypes ?? 2) === count && kind.matches(value));
}

/** Whether this is a plain object of another realm. */
export function isForeignPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype !== null && prototypeCount(value) === 1 && isRealmRoot(prototype);
}

/** Reads what was written under one of the tags of this file. */
export function readBuiltin(tag: number, input: Decoder): object {
  switch (tag) {
    case TAG.MAP:
      return readMap(input);
    case TAG.SET:
      return readSet(input);
    case TAG.DATE:
      return input.register(new Date(input.f64()));
    case TAG.REGEXP:
      return input.register(new RegExp(input.string(), input.string()));
    case TAG.BOXED:
      return readBox(input);
    case TAG.URL:
      return input.register(new URL(input.string()));
    case TAG.URL_SEARCH_PARAMS:
      return input.register(new URLSearchParams(input.string()));
    default:
      return input.fail(`unknown tag 0x${tag.toString(16)}`);
  }
}

function writeMap(value: object, out: Encoder): void {
  const base = out.open.top;
  Map.prototype.forEach.call(value as Map<unknown, unknown>, (item: unknown, key: unknown) => {
    out.open.push(key);
    out.open.push(item);
  });
  out.u8(TAG.MAP);
  out.varint((out.open.top - base) / 2);
  out.writePushed(base);
}

function readMap(input: Decoder): Map<unknown, unknown> {
  const map = input.register(new Map<unknown, unknown>());
  for (let rest = input.count(2); rest > 0; rest--) {
    const key = input.read();
    map.set(key, input.read());
  }
  return map;
}

function writeSet(value: object, out: Encoder): void {
  const base = out.open.top;
  Set.prototype.forEach.call(value as Set<unknown>, (item: unknown) => out.open.push(item));
  out.u8(TAG.SET);
  out.varint(out.open.top - base);
  out.writePushed(base);
}

function readSet(input: Decoder): Set<unknown> {
  const set = input.register(new Set<unknown>());
  for (let rest = input.count(1); rest > 0; rest--) {
    set.add(input.read());
  }
  return set;
}

function writeBox(value: object, out: Encoder): void {
  out.u8(TAG.BOXED);
  out.write(unboxed(value));
}

function unboxed(value: object): unknown {
  if (types.isNumberObject(value)) {
    return Number.prototype.valueOf.call(value);
  }
  if (types.isStringObject(value)) {
    return String.prototype.valueOf.call(value);
  }
  return types.isBooleanObject(value) ? Boolean.prototype.valueOf.call(value) : BigInt.prototype.valueOf.call(value);
}

function readBox(input: Decoder): object {
  const slot = input.reserve();
  const primitive = input.read();
  if (primitive === null || !BOXABLE.has(typeof primitive)) {
    return input.fail('a box without a primitive');
  }
  const box: object = Object(primitive);
  input.fill(slot, box);
  return box;
}

function prototypeCount(value: object): number {
  let count = 0;
  for (
    let at: object | null = Object.getPrototypeOf(value);
    at !== null && count <= PROTOTYPES_MAX;
    at = Object.getPrototypeOf(at)
  ) {
    count++;
  }
  return count;
}

function isOfRealm(value: object): boolean {
  let last = value;
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at)) {
    last = at;
  }
  return last !== Object.prototype && isRealmRoot(last);
}

/** Whether this is the `Object.prototype` of a realm. */
function isRealmRoot(prototype: object): boolean {
  return Object.hasOwn(prototype, 'hasOwnProperty') && Object.hasOwn(prototype, 'isPrototypeOf');
}

const box: Pick<BuiltinObject, 'write'> = { write: writeBox };

const KINDS: readonly BuiltinObject[] = [
  { prototype: Map.prototype, matches: types.isMap, write: writeMap },
  { prototype: Set.prototype, matches: types.isSet, write: writeSet },
  {
    prototype: Date.prototype,
    matches: types.isDate,
    write(value, out) {
      out.u8(TAG.DATE);
      out.f64(Date.prototype.getTime.call(value));
    },
  },
  {
    prototype: RegExp.prototype,
    matches: types.isRegExp,
    write(value, out) {
      const { source, flags } = value as RegExp;
      out.u8(TAG.REGEXP);
      out.string(source);
      out.string(flags);
    },
  },
  ...byteObjects(),
  { prototype: Number.prototype, matches: types.isNumberObject, ...box },
  { prototype: String.prototype, matches: types.isStringObject, ...box },
  { prototype: Boolean.prototype, matches: types.isBooleanObject, ...box },
  { prototype: BigInt.prototype, matches: types.isBigIntObject, ...box },
];

const PLATFORM_KINDS: readonly BuiltinObject[] = [
  {
    prototype: URL.prototype,
    matches: (value) => value instanceof URL,
    write(value, out) {
      const { href } = value as URL;
      out.u8(TAG.URL);
      out.string(href);
    },
  },
  {
    prototype: URLSearchParams.prototype,
    matches: (value) => value instanceof URLSearchParams,
    write(value, out) {
      const text = (value as URLSearchParams).toString();
      out.u8(TAG.URL_SEARCH_PARAMS);
      out.string(text);
    },
  },
];

const PROTOTYPES_MAX = 3;
const BOXABLE: ReadonlySet<string> = new Set(['number', 'string', 'boolean', 'bigint']);
const BY_PROTOTYPE: ReadonlyMap<object, BuiltinObject> = new Map(
  [...KINDS, ...PLATFORM_KINDS].map((kind) => [kind.prototype, kind]),
);
/** A Buffer's prototype is the same in all realms; by brand it is an Uint8Array. */
const FOREIGN: readonly BuiltinObject[] = KINDS.filter((kind) => kind.prototype !== Buffer.prototype);
