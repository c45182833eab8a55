/**
 * The half that sends functions, classes, modules and instances; function-reading.ts has the format.
 *
 * Runs in every process that sends: a child loads it at first use.
 */
import { SerializationError } from '../errors.js';
import { matchesInstance, writeInstance } from './class-writing.js';
import type { ValueWriter } from './codec-types.js';
import type { SourceBody } from './definition-body.js';
import { describeFunction } from './function-describe.js';
import { nameOf } from './function-errors.js';
import type { FunctionWriter } from './function-halves.js';
import { namespaceReference } from './module-namespaces.js';
import { ModuleReference } from './module-reference.js';

/** What function-reading.ts calls. */
export const functionWriting: FunctionWriter = { writeFunction, writeModule, matchesInstance, writeInstance };

function writeModule(value: object, out: ValueWriter): void {
  const reference = value instanceof ModuleReference ? value : namespaceReference(value, out.path());
  out.definition(reference.module.definition);
  out.varint(reference.path.length);
  for (const key of reference.path) out.string(key);
}

function writeFunction(fn: object, out: ValueWriter): void {
  const { held, token, captures } = describeFunction(fn, out.path());
  out.definition(held.definition);
  if (held.body.kind !== 'source') return;
  const { names, isClass } = held.body;
  out.varint(token);
  names.forEach((name, i) => writeCaptured(fn, held.body as SourceBody, name, captures[i], out));
  const own = isClass ? [] : Object.keys(fn);
  out.varint(own.length);
  for (const key of own) {
    out.string(key);
    out.value((fn as Record<string, unknown>)[key], `.${key}`);
  }
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
