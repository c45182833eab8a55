/**
 * Errors as data, both ways: class, message, stack, own properties, `cause`, `errors`.
 *
 * Runs in every process. Errors of the language, of Node and of multiproc come back as instances of
 * the same class; one of an unknown subclass as its nearest known class, with the name of its own.
 *
 * On the wire: string name of the class (for a DOMException then its message and name); stack (string
 * or undefined); any number of properties: 1 byte (1, or 2 for enumerable), string key, value; 0.
 */
import { types } from 'node:util';
import type { Decoder } from './decoder.js';
import type { Encoder } from './encoder.js';
import { type ErrorClass, errorClassByName, errorClassOf } from './error-classes.js';
import { classNameOf } from './refusal.js';
import { withoutStack } from './stack-traces.js';
import { TAG } from './tags.js';
import { userFrames } from './user-frames.js';
import { propertyStep } from './value-path.js';

/** Whether this is an error of any realm. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** Writes an error that no extension takes. */
export function writeError(error: Error, out: Encoder): void {
  const { name, exact } = errorClassOf(error);
  out.u8(TAG.ERROR);
  out.string(name);
  if (name === DOM_EXCEPTION) {
    out.string(String(error.message));
    out.string(String(error.name));
    writeErrorFields(error, out, []);
  } else {
    writeErrorFields(error, out, exact ? [] : inheritedTexts(error, name));
  }
}

/**
 * Writes stack and properties of an error, also for extensions that send its class by reference.
 * @param inherited Properties to be written as if they were its own.
 */
export function writeErrorFields(error: Error, out: Encoder, inherited: readonly (readonly [string, string])[] = []): void {
  const stack = readField(error, 'stack', out);
  const base = out.open.top;
  const keys: string[] = [];
  for (const key of Object.getOwnPropertyNames(error)) {
    if (key !== 'stack' && (CARRIED.has(key) || isEnumerable(error, key))) {
      const before = out.omissions?.length;
      const value = readField(error, key, out);
      if (before === out.omissions?.length) {
        keys.push(key);
        out.open.push(value);
      }
    }
  }
  for (const [key, text] of inherited) {
    if (!keys.includes(key)) {
      keys.push(key);
      out.open.push(text);
    }
  }
  out.write(typeof stack === 'string' ? (out.omissions === undefined ? stack : userFrames(stack)) : undefined);
  out.open.pushedFrom(base);
  for (let i = 0; i < keys.length; i++) {
    writeField(error, keys[i] as string, out.open.stack[base + i], out);
  }
  out.u8(FIELDS_END);
  out.open.drop(base);
}

/** Makes an error from what `writeErrorFields` wrote; its constructor does not run. */
export function readErrorFields(input: Decoder, errorClass: ErrorClass): Error {
  return fillError(input, bareError(errorClass));
}

/** Reads an error written by `writeError`. */
export function readError(input: Decoder): Error {
  const name = input.string();
  if (name === DOM_EXCEPTION) {
    return fillError(input, new DOMException(input.string(), input.string()));
  }
  const errorClass = errorClassByName(name);
  return errorClass === undefined ? input.fail(`unknown class of errors ${name}`) : readErrorFields(input, errorClass);
}

function fillError(input: Decoder, error: Error): Error {
  input.register(error);
  const stack = input.read();
  for (let kind = input.u8(); kind !== FIELDS_END; kind = input.u8()) {
    const key = input.string();
    Object.defineProperty(error, key, {
      value: input.read(),
      enumerable: kind === FIELD_ENUMERABLE,
      configurable: true,
      writable: true,
    });
  }
  if (typeof stack === 'string') {
    Object.defineProperty(error, 'stack', { value: stack, enumerable: false, configurable: true, writable: true });
  }
  return error;
}

function writeField(error: Error, key: string, value: unknown, out: Encoder): void {
  const offset = out.pos - out.start;
  out.u8(isEnumerable(error, key) ? FIELD_ENUMERABLE : FIELD_HIDDEN);
  out.string(key);
  const { omissions } = out;
  if (omissions === undefined) {
    out.write(value);
    return;
  }
  const isCause = key === 'cause' && isError(value);
  out.causes += isCause ? 1 : 0;
  const omission =
    out.causes > CAUSES_MAX
      ? { path: out.path() + propertyStep(key), reason: 'the chain of causes is cut here' }
      : out.tryWrite(value);
  out.causes -= isCause ? 1 : 0;
  if (omission !== undefined) {
    out.pos = out.start + offset;
    omissions.push(omission);
  }
}

function readField(error: Error, key: string, out: Encoder): unknown {
  if (out.omissions === undefined) {
    return Reflect.get(error, key);
  }
  try {
    return Reflect.get(error, key);
  } catch {
    out.omissions.push({ path: out.path() + propertyStep(key), reason: 'reading it threw' });
    return undefined;
  }
}

/** Name and message of an error whose class its receiver does not know. */
function inheritedTexts(error: Error, baseName: string): [string, string][] {
  const texts: [string, string][] = [];
  const { name, message } = error;
  const ownName = typeof name === 'string' && name !== '' && name !== baseName ? name : classNameOf(error);
  if (ownName !== '' && ownName !== baseName) {
    texts.push(['name', ownName]);
  }
  if (typeof message === 'string' && message !== '') {
    texts.push(['message', message]);
  }
  return texts;
}

function isEnumerable(error: Error, key: string): boolean {
  return Object.prototype.propertyIsEnumerable.call(error, key);
}

/** An instance without message and stack. */
function bareError(errorClass: ErrorClass): Error {
  return withoutStack(() => Reflect.construct(Error, [], errorClass));
}

const DOM_EXCEPTION = 'DOMException';
const FIELDS_END = 0;
const FIELD_HIDDEN = 1;
const FIELD_ENUMERABLE = 2;
/** Own properties that travel although they are not enumerable. */
const CARRIED: ReadonlySet<string> = new Set([
  'message',
  'name',
  'cause',
  'errors',
  'error',
  'suppressed',
  'value',
  'remoteName',
]);
/** Longest chain of causes of a task's error. */
const CAUSES_MAX = 32;
