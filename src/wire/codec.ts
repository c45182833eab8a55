/**
 * The public face of the codec: values to bytes and back.
 *
 * Runs in every process. A value comes back as `structuredClone` would give it, and beside that with
 * null prototypes, whole errors, URLs, Buffers, and what the registered extensions know.
 */
import { DeserializationError } from '../errors.js';
import type { Encoded } from './codec-types.js';
import { type DecodeOptions, Decoder } from './decoder.js';
import { type EncodeOptions, Encoder } from './encoder.js';

export type { DecodeOptions } from './decoder.js';
export type { EncodeOptions } from './encoder.js';
export { registerExtension } from './extensions.js';

/** A function and what it is to be called with. */
export interface Call {
  readonly fn: unknown;
  readonly args: unknown[];
}

/**
 * Writes one value.
 *
 * @param root How the user would call the value: paths in errors start with it.
 * @throws {SerializationError} If something in it cannot be sent; its `path` says what.
 * @throws {MessageTooLargeError} If it takes more than `maxBytes`.
 */
export function encodeValue(value: unknown, root: string, options: EncodeOptions = NO_OPTIONS): Encoded {
  const out = acquireEncoder();
  try {
    out.begin(root, options);
    out.write(value);
    return out.finish();
  } catch (error) {
    throw out.fail(error);
  } finally {
    releaseEncoder(out);
  }
}

/** Writes the arguments of a call, to be read by `decodeArgs`. Paths are `args[0]` …; throws as `encodeValue`. */
export function encodeArgs(args: readonly unknown[], options: EncodeOptions = NO_OPTIONS): Encoded {
  const out = acquireEncoder();
  try {
    out.begin('args', options);
    writeArgs(args, out);
    return out.finish();
  } catch (error) {
    throw out.fail(error);
  } finally {
    releaseEncoder(out);
  }
}

/** Writes a function and the arguments to call it with, to be read by `decodeCall`. Paths are `fn`, `args[0]` …; throws as `encodeValue`. */
export function encodeCall(fn: unknown, args: readonly unknown[], options: EncodeOptions = NO_OPTIONS): Encoded {
  const out = acquireEncoder();
  try {
    out.begin('fn', options);
    out.write(fn);
    writeArgs(args, out);
    return out.finish();
  } catch (error) {
    throw out.fail(error);
  } finally {
    releaseEncoder(out);
  }
}

/**
 * Reads what `encodeValue` wrote to `buffer[start..end)`; the buffer may change afterwards unless it is `owned`.
 *
 * @throws {DeserializationError} If the bytes are no such message, or an extension cannot read its part (its error is the `cause`).
 */
export function decodeValue(buffer: Uint8Array, start: number, end: number, options: DecodeOptions = NO_OPTIONS): unknown {
  const input = acquireDecoder();
  try {
    input.begin(buffer, start, end, options);
    const value = input.read();
    input.finish();
    return value;
  } catch (error) {
    throw unreadable(error);
  } finally {
    releaseDecoder(input);
  }
}

/** Reads what `encodeArgs` wrote; as `decodeValue`. */
export function decodeArgs(buffer: Uint8Array, start: number, end: number, options: DecodeOptions = NO_OPTIONS): unknown[] {
  const input = acquireDecoder();
  try {
    input.begin(buffer, start, end, options);
    const args = readArgs(input);
    input.finish();
    return args;
  } catch (error) {
    throw unreadable(error);
  } finally {
    releaseDecoder(input);
  }
}

/** Reads what `encodeCall` wrote; as `decodeValue`. */
export function decodeCall(buffer: Uint8Array, start: number, end: number, options: DecodeOptions = NO_OPTIONS): Call {
  const input = acquireDecoder();
  try {
    input.begin(buffer, start, end, options);
    const fn = input.read();
    const args = readArgs(input);
    input.finish();
    return { fn, args };
  } catch (error) {
    throw unreadable(error);
  } finally {
    releaseDecoder(input);
  }
}

/** Writes the arguments of a call into a message that was begun. */
export function writeArgs(args: readonly unknown[], out: Encoder): void {
  const { length } = args;
  out.root = 'args';
  out.varint(length);
  for (let i = 0; i < length; i++) {
    out.argument = i;
    out.write(args[i]);
  }
}

/** An idle encoder: one while nothing is written within a value's own code, such as a getter. */
export function acquireEncoder(): Encoder {
  return encoders.pop() ?? new Encoder();
}

/** Gives an encoder back after `finish` or `fail`. */
export function releaseEncoder(encoder: Encoder): void {
  if (encoders.length < IDLE_MAX) {
    encoders.push(encoder);
  }
}

/** An idle decoder; as `acquireEncoder`. */
export function acquireDecoder(): Decoder {
  return decoders.pop() ?? new Decoder();
}

/** Gives a decoder back, which forgets its message. */
export function releaseDecoder(decoder: Decoder): void {
  decoder.close();
  if (decoders.length < IDLE_MAX) {
    decoders.push(decoder);
  }
}

/** Any failure of reading as the one class it may have. */
export function unreadable(error: unknown): DeserializationError {
  if (error instanceof DeserializationError) {
    return error;
  }
  const text = error instanceof Error ? error.message : 'something that is no error';
  return new DeserializationError(`Cannot read a message: rebuilding its value failed, received ${text}`, { cause: error });
}

function readArgs(input: Decoder): unknown[] {
  const args: unknown[] = [];
  for (let rest = input.count(1); rest > 0; rest--) {
    args.push(input.read());
  }
  return args;
}

const NO_OPTIONS: EncodeOptions & DecodeOptions = {};
const IDLE_MAX = 4;
const encoders: Encoder[] = [];
const decoders: Decoder[] = [];
