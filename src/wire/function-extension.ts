/**
 * Functions, classes, modules and class instances as extensions of the codec.
 *
 * Runs in every process of a family; never registered for what comes over a socket.
 */
import { types } from 'node:util';
import { INSTANCE_TAG, readInstance } from './class-reading.js';
import { matchesInstance, writeInstance } from './class-writing.js';
import type { Encoded, WireExtension } from './codec-types.js';
import { encodeValue } from './codec.js';
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
  const held = stableDescription(fn)?.held;
  if (held === undefined) return { encoded, stable: false };
  const result = encodedOnce.get(held) ?? { encoded, stable: true };
  encodedOnce.set(held, result);
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

const encodedOnce = new WeakMap<HeldDefinition, EncodedFunction>();
const encodedFunctions = new WeakMap<object, EncodedFunction>();
