/**
 * The classes of errors that exist in every process: of the language, of Node, of multiproc.
 *
 * Runs in every process. Names stand for classes on the wire; the table of multiproc's own is
 * whatever `errors.ts` exports.
 */
import * as errors from '../errors.js';
import { classNameOf } from './refusal.js';

/** A class whose instances are errors. */
export type ErrorClass = new (...args: never[]) => Error;

/** The class an error is rebuilt as. */
export interface KnownClass {
  readonly name: string;
  /** Whether it is the very class of the error, not one that its class extends. */
  readonly exact: boolean;
}

/** The nearest known class of an error of any realm. */
export function errorClassOf(error: Error): KnownClass {
  let exact = true;
  for (let at: object | null = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
    const name = BY_PROTOTYPE.get(at) ?? nameElsewhere(at);
    if (name !== undefined) {
      return { name, exact };
    }
    exact = false;
  }
  return { name: 'Error', exact: false };
}

/** The class with this name. */
export function errorClassByName(name: string): ErrorClass | undefined {
  return BY_NAME.get(name) ?? (name === ASSERTION_ERROR ? assertionError() : undefined);
}

/** The name of a known class that is not in the table: one of another realm, or of a module that is loaded late. */
function nameElsewhere(prototype: object): string | undefined {
  if (!Object.hasOwn(prototype, 'constructor')) {
    return undefined;
  }
  const name = classNameOf(prototype);
  if (name === ASSERTION_ERROR) {
    return prototype === assertionError().prototype ? name : undefined;
  }
  return LANGUAGE_CLASSES.includes(name) && isNative(prototype.constructor) ? name : undefined;
}

function isNative(constructor: unknown): boolean {
  return typeof constructor === 'function' && Function.prototype.toString.call(constructor).endsWith('{ [native code] }');
}

function assertionError(): ErrorClass {
  return process.getBuiltinModule('node:assert').AssertionError;
}

function tableOfClasses(): Map<string, ErrorClass> {
  const table = new Map<string, ErrorClass>();
  for (const name of [...LANGUAGE_CLASSES, 'DOMException']) {
    const candidate: unknown = Reflect.get(globalThis, name);
    if (typeof candidate === 'function') {
      table.set(name, candidate as ErrorClass);
    }
  }
  for (const [name, candidate] of Object.entries(errors)) {
    table.set(name, candidate as ErrorClass);
  }
  return table;
}

const ASSERTION_ERROR = 'AssertionError';
const LANGUAGE_CLASSES: readonly string[] = [
  'Error',
  'TypeError',
  'RangeError',
  'SyntaxError',
  'ReferenceError',
  'EvalError',
  'URIError',
  'AggregateError',
  'SuppressedError',
];
const BY_NAME: ReadonlyMap<string, ErrorClass> = tableOfClasses();
const BY_PROTOTYPE: ReadonlyMap<object, string> = new Map([...BY_NAME].map(([name, errorClass]) => [errorClass.prototype, name]));
