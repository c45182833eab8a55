/**
 * What a value is that cannot be sent, and what its sender can do instead.
 *
 * Runs in every process. Texts only; the path in front of them comes from `value-path.ts`.
 */
import { inspect, types } from 'node:util';
import { MessageTooLargeError, SerializationError } from '../errors.js';
import type { OpenObjects } from './open-objects.js';
import { MAX_DEPTH } from './tags.js';
import { propertyStep, throwingProperty } from './value-path.js';

/** The error for a value that no process but its own can have. */
export function refusalOf(value: unknown, path: string, reason: string = reasonOf(value)): SerializationError {
  return new SerializationError(`Cannot send ${path}: ${reason}`, { path });
}

/** The error for whatever ended the writing of a message. */
export function refusalFor(error: unknown, open: OpenObjects, root: string): unknown {
  if (error instanceof SerializationError || error instanceof MessageTooLargeError) {
    return error;
  }
  if (error instanceof RangeError && open.depth > DEPTH_SUSPECT) {
    return depthRefusal(open, root, error);
  }
  const { innermost } = open;
  const key = innermost === undefined || types.isProxy(innermost) ? undefined : throwingProperty(innermost);
  const path = open.path(root, innermost) + (key === undefined ? '' : propertyStep(key));
  return new SerializationError(`Cannot send ${path}: reading it threw ${errorText(error)}`, { path, cause: error });
}

/** The error for a value that stands in too many others. */
export function depthRefusal(open: OpenObjects, root: string, cause?: unknown): SerializationError {
  const path = open.path(root, open.innermost);
  return new SerializationError(
    `Cannot send ${path}: it is nested too deep, received a depth of ${open.depth} where ${MAX_DEPTH} is the limit; send a flat form of it, such as an array`,
    { path, cause },
  );
}

/** Says of a kind of object that is not sent everywhere what to do where it is not. @param reason As that of `reasonOf`. */
export function explainRefusal(matches: (value: object) => boolean, reason: string): void {
  REASONS.push([matches, reason]);
}

/** What it is, and what to do, such as `it is a promise; await it and send its value`. */
export function reasonOf(value: unknown): string {
  if (typeof value === 'symbol') {
    return `it is a symbol, ${String(value)}, which only its own process has; send its description`;
  }
  if (typeof value === 'function') {
    return `it is ${functionText(value)}, which cannot be sent here; send data, and name the function on the other side`;
  }
  if (types.isProxy(value)) {
    return 'it is a Proxy; send a plain copy of it, such as {...value}';
  }
  for (const [matches, reason] of REASONS) {
    if (matches(value as object)) {
      return reason;
    }
  }
  return instanceReason(value as object);
}

function instanceReason(value: object): string {
  const name = classNameOf(value);
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag.startsWith('Intl.') || tag.startsWith('WebAssembly.') || tag.startsWith('Temporal.')) {
    return `it is ${tag.startsWith('Intl.') ? 'an' : 'a'} ${tag}, which only its own process has; send what it is made from`;
  }
  if (tag.endsWith('Iterator') || typeof Reflect.get(value, 'next') === 'function') {
    return 'it is an iterator; send its items, such as [...value]';
  }
  if (typeof Reflect.get(value, 'pipe') === 'function' || typeof Reflect.get(value, 'getReader') === 'function') {
    return `it is a stream (${name}); send a path, or the bytes it gives`;
  }
  if (name === '' || name === 'Object') {
    return 'it is an object with a prototype of its own; send a plain copy of it, such as {...value}';
  }
  return `it is an instance of ${name}, which the receiver could not rebuild; send a plain copy of its data, such as {...value}`;
}

/** The name of the class of an object; empty where it has none. */
export function classNameOf(value: object): string {
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' ? name : '';
  } catch {
    return '';
  }
}

/** Whether the memory of a buffer was transferred away. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength !== 0) {
    return false;
  }
  try {
    return new Uint8Array(buffer).length !== 0;
  } catch {
    return true;
  }
}

function errorText(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that has no text';
  }
}

function functionText(value: object): string {
  const text = inspect(value, { depth: 0, customInspect: false }).split('\n', 1)[0] as string;
  return text.startsWith('[class') ? `a class, ${text}` : `a function, ${text}`;
}

const REASONS: (readonly [(value: object) => boolean, string])[] = [
  [types.isPromise, 'it is a promise; await it and send its value'],
  [types.isWeakMap, 'it is a WeakMap, whose contents cannot be read; send a Map'],
  [types.isWeakSet, 'it is a WeakSet, whose contents cannot be read; send a Set'],
  [(value) => value instanceof WeakRef, 'it is a WeakRef; send what it points to'],
  [types.isGeneratorObject, 'it is a generator; send its items, such as [...value]'],
  [
    types.isSharedArrayBuffer,
    'it is a SharedArrayBuffer, whose memory ends at its process; use SharedMemory or RawArray, or send a copy of its bytes',
  ],
  [
    (value) => ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer),
    'it is a view on a SharedArrayBuffer, whose memory ends at its process; use RawArray, or send a copy, such as value.slice()',
  ],
  [
    (value) => (types.isArrayBuffer(value) && isDetached(value)) || (ArrayBuffer.isView(value) && isDetached(value.buffer)),
    'its memory was transferred away and it is detached; send it before it is transferred',
  ],
  [types.isSymbolObject, 'it is a symbol in a box, which only its own process has; send its description'],
  [types.isExternal, 'it is a pointer of native code'],
];
/** Above this depth a RangeError is taken for the end of the stack. */
const DEPTH_SUSPECT = 100;
