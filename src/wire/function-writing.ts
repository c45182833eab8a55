/**
 * Writes functions, classes and modules into messages; function-reading.ts has the format.
 *
 * Runs in every process that sends.
 */
import { SerializationError } from '../errors.js';
import type { ValueWriter } from './codec-types.js';
import type { SourceBody } from './definition-body.js';
import { describeFunction } from './function-describe.js';
import { nameOf } from './function-errors.js';
import { ownPrototype } from './function-memory.js';
import { namespaceReference } from './module-namespaces.js';
import { ModuleReference } from './module-reference.js';
import { isObjectPrototype } from './realms.js';

/** Writes a reference to a module or to an object that it exports. */
export function writeModule(value: object, out: ValueWriter): void {
  const reference = value instanceof ModuleReference ? value : namespaceReference(value, out.path());
  out.definition(reference.module.definition);
  out.varint(reference.path.length);
  for (const key of reference.path) out.string(key);
}

/** Writes a function or class. @throws {SerializationError} If it cannot be sent. */
export function writeFunction(fn: object, out: ValueWriter): void {
  const { held, token, captures } = describeFunction(fn, out.path());
  out.definition(held.definition);
  if (held.body.kind !== 'source') return;
  const { names, isClass } = held.body;
  out.varint(token);
  names.forEach((name, i) => writeCaptured(fn, held.body as SourceBody, name, captures[i], out));
  writeProperties(fn, isClass ? [] : Object.keys(fn), '', out);
  writePrototype(fn, isClass, out);
}

/** What `F.prototype.method = …` and `Object.setPrototypeOf(F.prototype, …)` made of a function. */
function writePrototype(fn: object, isClass: boolean, out: ValueWriter): void {
  const prototype = isClass ? undefined : ownPrototype(fn);
  const base = prototype === undefined ? undefined : baseOf(prototype);
  out.u8(base === undefined ? 0 : 1);
  if (base !== undefined) out.value(base, '.prototype.__proto__.constructor');
  writeProperties(prototype ?? {}, Object.keys(prototype ?? {}), '.prototype', out);
}

function writeProperties(object: object, keys: readonly string[], part: string, out: ValueWriter): void {
  out.varint(keys.length);
  for (const key of keys) {
    out.string(key);
    out.value((object as Record<string, unknown>)[key], `${part}.${key}`);
  }
}

function baseOf(prototype: object): unknown {
  const above: object | null = Object.getPrototypeOf(prototype);
  const base: unknown = above === null || isObjectPrototype(above) ? undefined : above.constructor;
  return typeof base === 'function' && base.prototype === above ? base : undefined;
}

/** A refusal says which function captures the value, besides where it stands in the message. */
function writeCaptured(fn: object, body: SourceBody, name: string, value: unknown, out: ValueWriter): void {
  try {
    out.value(value, `{${name}}`);
  } catch (error) {
    if (!(error instanceof SerializationError) || explained.has(error)) throw error;
    const place = { url: body.url, line: body.line, column: body.column };
    const reason = error.message.replace(/^Cannot send /, '');
    const explanation = new SerializationError(`Cannot send ${nameOf(fn, place)}: it captures '${name}': ${reason}`, {
      path: error.path,
      cause: error.cause,
    });
    explained.add(explanation);
    throw explanation;
  }
}

const explained = new WeakSet<Error>();
