/**
 * Functions, classes, modules and class instances as extensions of the codec.
 *
 * Runs in every process of a family; never registered for what comes over a socket.
 */
import { types } from 'node:util';
import { INSTANCE_TAG, readInstance } from './class-reading.js';
import { matchesInstance, writeInstance } from './class-writing.js';
import type { Encoded, WireExtension } from './codec-types.js';
import { acquireEncoder, encodeArgs, type EncodeOptions, encodeValue, releaseEncoder, writeArgs } from './codec.js';
import { registerExtension } from './extensions.js';
import type { HeldDefinition } from './definitions.js';
import { stableDescription } from './function-memory.js';
import { readFunction, readModule } from './function-reading.js';
import { writeFunction, writeModule } from './function-writing.js';
import { ModuleReference } from './module-reference.js';

/** Adds functions, classes, modules and class instances to the codec. Call it once in every process. */
export function registerFunctionExtensions(): void {
  registerExtension(functionExtension);
  registerExtension(moduleExtension);
  registerExtension(instanceExtension);
}

/** A function as a message of its own. */
export interface EncodedFunction {
  readonly encoded: Encoded;
  /** Whether the message is the same every time: it may be sent once per receiver and named by a number afterwards. */
  readonly stable: boolean;
}

/**
 * Encodes a task function or class. Captured values are read at each call.
 *
 * - Of functions of one text that capture nothing, however many objects there are, only the first is encoded: all get
 *   its message, so that receivers need not keep one for each.
 *
 * @throws {TypeError} If it is no function.
 * @throws {SerializationError} If it cannot be sent.
 */
export function encodeFunction(fn: unknown): EncodedFunction {
  if (typeof fn !== 'function') throw new TypeError(`Cannot send a task: it must be a function or class, received ${String(fn)}`);
  const known = encodedFunctions.get(fn);
  if (known !== undefined) return known;
  const encoded = encodeValue(fn, 'fn');
  return keep(fn, encoded) ?? { encoded, stable: false };
}

/** What a submit sends: the message of its function alone, where that is always the same, and the call. */
export interface EncodedTask {
  readonly fn: EncodedFunction | undefined;
  /** The arguments, for `decodeArgs`; without `fn` the function before them, for `decodeCall`. */
  readonly encoded: Encoded;
}

/**
 * Encodes a function and its arguments for one submit; throws as `encodeCall`.
 *
 * - A function whose message is always the same is encoded at most twice: the first time it goes with its arguments, because many
 *   are sent once only; from the second on it is a message of its own.
 */
export function encodeTask(fn: object, args: readonly unknown[], options: EncodeOptions): EncodedTask {
  const known = encodedFunctions.get(fn);
  if (known !== undefined) return { fn: known, encoded: encodeArgs(args, options) };
  const out = acquireEncoder();
  let first: Encoded;
  try {
    out.begin('fn', options);
    out.write(fn);
    const held = stableDescription(fn)?.held;
    const isLasting = held !== undefined && sentBefore.has(held);
    if (!isLasting) writeArgs(args, out);
    first = out.finish();
    if (!isLasting) {
      if (held !== undefined) sentBefore.add(held);
      return { fn: undefined, encoded: first };
    }
  } catch (error) {
    throw out.fail(error);
  } finally {
    releaseEncoder(out);
  }
  return { fn: keep(fn, first), encoded: encodeArgs(args, options) };
}

/** Remembers the message of a function whose message is always the same. */
function keep(fn: object, encoded: Encoded): EncodedFunction | undefined {
  const held = stableDescription(fn)?.held;
  if (held === undefined) return undefined;
  // Functions of one text are as good as one; each class is a class of its own, which its instances come back to.
  const isClass = held.body.kind === 'source' && held.body.isClass;
  const result = (isClass ? undefined : encodedOnce.get(held)) ?? { encoded, stable: true };
  if (!isClass) encodedOnce.set(held, result);
  encodedFunctions.set(fn, result);
  return result;
}

const functionExtension: WireExtension = {
  tag: 0,
  name: 'function',
  matches: (value) => typeof value === 'function',
  encode: writeFunction,
  decode: readFunction,
};

const moduleExtension: WireExtension = {
  tag: 1,
  name: 'module',
  matches: (value) => value instanceof ModuleReference || types.isModuleNamespaceObject(value),
  encode: writeModule,
  decode: readModule,
};

const instanceExtension: WireExtension = {
  tag: INSTANCE_TAG,
  name: 'class instance',
  matches: matchesInstance,
  encode: writeInstance,
  decode: readInstance,
};

/** What went with the arguments of a task. */
const sentBefore = new WeakSet<HeldDefinition>();
const encodedOnce = new WeakMap<HeldDefinition, EncodedFunction>();
const encodedFunctions = new WeakMap<object, EncodedFunction>();
