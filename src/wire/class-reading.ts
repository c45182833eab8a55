/**
 * Instances of users' classes, rebuilt: no constructor runs, but for the native ones beneath.
 *
 * Runs in every process; the sending half is class-writing.ts. On the wire: the class, a byte of `KIND`, the contents.
 */
import { DeserializationError } from '../errors.js';
import { deserialize, type SerializableClass } from './class-hooks.js';
import type { ValueReader } from './codec-types.js';
import type { Decoder } from './decoder.js';
import type { ErrorClass } from './error-classes.js';
import { readErrorFields } from './error-objects.js';

/** A class with or without hooks. */
export type UserClass = (new (...args: never[]) => object) & Partial<SerializableClass<object, unknown>>;

/** The tag of class instances on the wire. */
export const INSTANCE_TAG = 2;

/** How the contents of an instance are written. */
export const KIND = { OBJECT: 0, HOOK: 1, ERROR: 2, ARRAY: 3, MAP: 4, SET: 5 } as const;

/** Reads an instance. */
export function readInstance(input: ValueReader): object {
  const userClass = input.value() as UserClass;
  const kind = input.u8();
  if (kind === KIND.ERROR) return readErrorFields(input as Decoder, userClass as unknown as ErrorClass);
  if (kind === KIND.HOOK) {
    const made: unknown = userClass[deserialize]?.call(userClass, input.value());
    if (typeof made !== 'object' || made === null) {
      throw new DeserializationError(
        `Cannot rebuild an instance of ${userClass.name}: its static [deserialize] must return an object`,
      );
    }
    input.register(made);
    return made;
  }
  return readContents(kind, userClass, input);
}

function readContents(kind: number, userClass: UserClass, input: ValueReader): object {
  if (kind === KIND.MAP) {
    const map = Reflect.construct(Map, [], userClass) as Map<unknown, unknown>;
    input.register(map);
    for (let rest = input.varint(); rest > 0; rest -= 2) {
      const key = input.value();
      Map.prototype.set.call(map, key, input.value());
    }
    return readFields(map, input);
  }
  if (kind === KIND.SET) {
    const set = Reflect.construct(Set, [], userClass) as Set<unknown>;
    input.register(set);
    for (let rest = input.varint(); rest > 0; rest -= 1) Set.prototype.add.call(set, input.value());
    return readFields(set, input);
  }
  const isArray = kind === KIND.ARRAY;
  const object = isArray
    ? (Reflect.construct(Array, [], userClass) as unknown[])
    : (Object.create(userClass.prototype as object) as object);
  input.register(object);
  if (isArray) (object as unknown[]).length = input.varint();
  return readFields(object, input);
}

function readFields(object: object, input: ValueReader): object {
  for (let rest = input.varint(); rest > 0; rest -= 1) {
    const key = input.string();
    Object.defineProperty(object, key, { value: input.value(), configurable: true, enumerable: true, writable: true });
  }
  return object;
}
