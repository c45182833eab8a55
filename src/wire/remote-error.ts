/**
 * What a task threw, on its way home: whole errors, and whatever else can be thrown.
 *
 * `encodeFailure` runs where the task ran and never throws; `decodeFailure` runs at its caller and
 * gives what the caller's promise rejects with.
 *
 * A failure is: string name and varint pid of its process; 1 byte kind; string class name, string
 * message, string stack; then, unless it is text only, the value, and any number of strings that say
 * what was left out of it, up to the end.
 */
import { inspect } from 'node:util';
import { RemoteError } from '../errors.js';
import { acquireDecoder, acquireEncoder, releaseDecoder, releaseEncoder, unreadable } from './codec.js';
import type { Encoded } from './codec-types.js';
import type { DecodeOptions, Decoder } from './decoder.js';
import type { EncodeOptions } from './encoder.js';
import { isError } from './error-objects.js';
import { classNameOf } from './refusal.js';
import { userFrames } from './user-frames.js';

/** The process in which something was thrown. */
export interface Origin {
  readonly name: string;
  readonly pid: number;
}

/**
 * Writes whatever was thrown. Never throws itself: properties of errors that cannot be sent are left out
 * and named, causes end at a depth of 32, and what cannot be sent at all travels as text. It is read once: it counts
 * as a hold of the shared objects in it.
 */
export function encodeFailure(error: unknown, origin: Origin, options: EncodeOptions = NO_OPTIONS): Encoded {
  const text = failureText(error);
  return (
    tryEncode(error, text.isError ? KIND_ERROR : KIND_VALUE, text, origin, options) ??
    tryEncode(error, text.isError ? KIND_ERROR_TEXT : KIND_VALUE_TEXT, text, origin, NO_OPTIONS) ??
    LAST_RESORT
  );
}

/**
 * Reads what `encodeFailure` wrote, and gives what the caller's promise rejects with.
 *
 * - An error is of the same class as there, and has the stack it had there, up to the outermost frame of the user's;
 *   the last `cause` of its chain is a `RemoteError` that names the process. In a chain that is circular, or ends in
 *   no error, there is no place for it: the last line of the error's `stack` names the process instead.
 * - Anything else is a `RemoteError` with it as its `value`; so is an error that cannot be rebuilt, without one.
 * - Bytes that are no failure give a `DeserializationError`; it is never thrown.
 */
export function decodeFailure(buffer: Uint8Array, start: number, end: number, options: DecodeOptions = NO_OPTIONS): unknown {
  const input = acquireDecoder();
  try {
    input.begin(buffer, start, end, { ...options, inFlight: true });
    return readFailure(input);
  } catch (error) {
    return unreadable(error);
  } finally {
    releaseDecoder(input);
  }
}

/** What is said of something thrown, whether or not it can be sent. */
interface FailureText {
  readonly isError: boolean;
  readonly className: string;
  readonly message: string;
  readonly stack: string;
}

function tryEncode(error: unknown, kind: number, text: FailureText, origin: Origin, options: EncodeOptions): Encoded | undefined {
  const out = acquireEncoder();
  try {
    out.begin('error', { ...options, inFlight: true });
    out.string(origin.name);
    out.varint(origin.pid);
    out.u8(kind);
    out.string(text.className);
    out.string(text.message);
    out.string(text.stack);
    if (kind === KIND_ERROR || kind === KIND_VALUE) {
      const omissions = (out.omissions = []);
      out.write(error);
      writeOmissions(omissions, out);
    }
    return out.finish();
  } catch (failure) {
    out.fail(failure);
    return undefined;
  } finally {
    releaseEncoder(out);
  }
}

function writeOmissions(omissions: readonly { path: string; reason: string }[], out: { string(text: string): void }): void {
  for (const { path, reason } of omissions) {
    out.string(reason.startsWith(`Cannot send ${path}`) ? reason.slice('Cannot send '.length) : `${path}: ${reason}`);
  }
}

function readFailure(input: Decoder): unknown {
  const name = input.string();
  const where = `[${name} pid ${input.varint()}]`;
  const kind = input.u8();
  const text: FailureText = {
    isError: kind === KIND_ERROR || kind === KIND_ERROR_TEXT,
    className: input.string(),
    message: input.string(),
    stack: input.string(),
  };
  if (kind === KIND_VALUE_TEXT) {
    return remoteError(where, text, [], { value: text.message });
  }
  if (kind === KIND_ERROR_TEXT) {
    return remoteError(where, text, [], { remoteName: text.className });
  }
  try {
    const value = input.read();
    const omissions = readOmissions(input);
    if (!text.isError || !isError(value)) {
      return remoteError(where, text, omissions, { value });
    }
    if (!attach(value, remoteError(where, text, omissions, { remoteName: text.className }))) {
      appendToStack(value, `\n    at ${where}${noteOf(omissions)}`);
    }
    return value;
  } catch (error) {
    return remoteError(where, text, [], { remoteName: text.className, cause: unreadable(error) });
  }
}

function readOmissions(input: Decoder): string[] {
  const omissions: string[] = [];
  while (input.pos < input.end) {
    omissions.push(input.string());
  }
  return omissions;
}

function remoteError(
  where: string,
  text: FailureText,
  omissions: readonly string[],
  options: { value?: unknown; remoteName?: string; cause?: unknown },
): RemoteError {
  const title = text.isError
    ? `${text.className}: ${text.message}`
    : `something was thrown that is no Error, received ${text.message}`;
  const note = noteOf(omissions);
  const stack = `RemoteError: ${where} ${text.isError ? text.stack : title}${note}`;
  const error = new RemoteError(`${where} ${title}${note}`, { ...options, stack });
  hide(error, text.isError ? 'value' : 'remoteName');
  return error;
}

/** Whoever prints the error does not see what says nothing. */
function hide(error: RemoteError, key: 'value' | 'remoteName'): void {
  Object.defineProperty(error, key, { enumerable: false });
}

function noteOf(omissions: readonly string[]): string {
  return omissions.length === 0 ? '' : `\n(left out, because it cannot be sent: ${omissions.join('; ')})`;
}

/** Makes `remote` the last cause of an error, if its chain of errors has an end; says whether it has. */
function attach(error: Error, remote: RemoteError): boolean {
  // The error itself has its class.
  hide(remote, 'remoteName');
  const visited = new Set<Error>();
  let last = error;
  while (!visited.has(last)) {
    visited.add(last);
    const { cause } = last;
    if (isError(cause)) {
      last = cause;
    } else {
      return (
        cause === undefined &&
        Reflect.defineProperty(last, 'cause', { value: remote, enumerable: false, configurable: true, writable: true })
      );
    }
  }
  return false;
}

function appendToStack(error: Error, line: string): void {
  const { stack } = error;
  if (typeof stack === 'string') {
    Reflect.defineProperty(error, 'stack', { value: stack + line, enumerable: false, configurable: true, writable: true });
  }
}

function failureText(error: unknown): FailureText {
  try {
    if (isError(error)) {
      const className = classNameOf(error) || 'Error';
      const message = shortened(textOf(() => error.message));
      const stack = shortened(userFrames(textOf(() => error.stack)));
      return { isError: true, className, message, stack: stack === '' ? `${className}: ${message}` : stack };
    }
  } catch {
    // A Proxy that pretends to be an error, and throws when asked.
  }
  return { isError: false, className: typeof error, message: shortened(textOf(() => inspect(error, { depth: 2 }))), stack: '' };
}

function textOf(read: () => unknown): string {
  try {
    const text = read();
    return typeof text === 'string' ? text : '';
  } catch {
    return '';
  }
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

const KIND_ERROR = 0;
const KIND_VALUE = 1;
const KIND_ERROR_TEXT = 2;
const KIND_VALUE_TEXT = 3;
const TEXT_MAX = 16_384;
const NO_OPTIONS: EncodeOptions & DecodeOptions = {};
/** For a process that cannot even write a text, because it is out of stack or memory. */
const LAST_RESORT = tryEncode(
  undefined,
  KIND_VALUE_TEXT,
  { isError: false, className: 'undefined', message: 'something that could not be written down', stack: '' },
  { name: 'process', pid: process.pid },
  NO_OPTIONS,
) as Encoded;
