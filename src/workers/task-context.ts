/**
 * What a task takes along of the surroundings of its submit: values marked by `carry`, and a W3C `traceparent`.
 *
 * Runs in the process that submits; `worker-main.ts` reads it. Nothing is sent where nothing is asked for.
 */
import { encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { carriedValues } from './carried-values.js';

export interface TaskContext {
  readonly values: Readonly<Record<string, unknown>> | undefined;
  readonly traceparent: string | undefined;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The surroundings of this moment, encoded; undefined: there is nothing to take along. @throws {SerializationError} If a value cannot be sent. */
export function encodeContext(traceparent?: string): Encoded | undefined {
  const values = carriedValues();
  if (values === undefined && traceparent === undefined) return undefined;
  const context: TaskContext = { values, traceparent };
  return encodeValue(context, 'context');
}

/** @throws {TypeError|RangeError} If it is given and no such text. */
export function checkTraceparent(act: string, traceparent: unknown): void {
  if (traceparent === undefined) return;
  if (typeof traceparent !== 'string')
    throw new TypeError(`${act}: traceparent must be a string, received a ${typeof traceparent}`);
  if (!TRACEPARENT.test(traceparent))
    throw new RangeError(`${act}: traceparent must be as W3C Trace Context says, received '${traceparent}'`);
}
