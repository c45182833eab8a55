/**
 * Functions that travel, for processes that send them: parents, and the engine in children with children.
 *
 * Runs in every process that sends. A child that only answers calls `registerFunctionReading` instead, which loads less.
 */
import type { Encoded } from './codec-types.js';
import { encodeValue } from './codec.js';
import { setFunctionWriter } from './function-halves.js';
import { isStable } from './function-memory.js';
import { registerFunctionReading } from './function-reading.js';
import { functionWriting } from './function-writing.js';

/** Adds functions, classes, modules and class instances to the codec. Call it once in every process that sends. */
export function registerFunctionExtensions(): void {
  setFunctionWriter(functionWriting);
  registerFunctionReading();
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
 * @throws {TypeError} If it is no function.
 * @throws {SerializationError} If it cannot be sent.
 */
export function encodeFunction(fn: unknown): EncodedFunction {
  if (typeof fn !== 'function') throw new TypeError(`Cannot send a task: it must be a function or class, received ${String(fn)}`);
  const known = encodedFunctions.get(fn);
  if (known !== undefined) return known;
  const encoded = encodeValue(fn, 'fn');
  const result = { encoded, stable: isStable(fn) };
  if (result.stable) encodedFunctions.set(fn, result);
  return result;
}

const encodedFunctions = new WeakMap<object, EncodedFunction>();
