/**
 * What a queue carries: a message, and before it the definitions that it needs.
 *
 * Runs in every process and thread. Who puts does not know who will take, so each item has its definitions with it; who
 * has them already passes over them. An item is read once: it counts as a hold of the shared objects in it.
 */
import { DeserializationError } from '../errors.js';
import { pieceOf } from '../sharing/shared-kinds.js';
import { releaseCount } from '../substrate/shared-piece.js';
import { decodeValue, encodeValue } from '../wire/codec.js';
import type { Definition } from '../wire/codec-types.js';
import { loadDefinition } from '../wire/definitions.js';
import { definitionsIn, holdsBehind, markOf, readWithHolds, valueEnd } from './item-holds.js';
import type { OutgoingItem, TakenItem } from './item-store.js';

/** An encoded item. */
export interface EncodedItem extends OutgoingItem {
  readonly holds: readonly object[];
  /** Whether some of its bytes are memory of the value, which may change. */
  readonly isBorrowed: boolean;
}

/**
 * Writes a value. Its long bytes are only looked at: it must be put at once, or kept by `keepItem`.
 *
 * @throws {SerializationError} If something in it cannot be sent.
 * @throws {MessageTooLargeError} If it takes more than `maxBytes`.
 */
export function encodeItem(value: unknown, maxBytes: number): EncodedItem {
  const encoded = encodeValue(value, 'value', { inFlight: true, gather: true, maxBytes });
  const { buffer, start, end, definitions, holds } = encoded;
  if (encoded.parts === undefined && definitions.length === 0 && holds.length === 0)
    return { buffer, start, end, parts: undefined, bytes: end - start, mark: 0, holds, isBorrowed: false };
  const bodies = withRequired(definitions);
  const parts = bodies.flatMap(({ body }) => [lengthOf(body), body]);
  parts.push(...(encoded.parts ?? [buffer.subarray(start, end)]), ...holdsBehind(holds));
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const mark = markOf(bodies.length, holds);
  return { buffer, start, end, parts, bytes, mark, holds, isBorrowed: encoded.parts !== undefined };
}

/** The item for later, when the value may have changed. */
export function keepItem(item: EncodedItem): EncodedItem {
  if (!item.isBorrowed) return item;
  const { buffer, start, end, parts } = item;
  const copied = parts?.map((part) => new Uint8Array(part));
  return {
    ...item,
    buffer: parts === undefined ? new Uint8Array(buffer.subarray(start, end)) : buffer,
    parts: copied,
    isBorrowed: false,
  };
}

/** Undoes what encoding an item did that is never put. */
export function dropItem({ holds }: EncodedItem): void {
  for (const facade of holds) {
    const piece = pieceOf(facade);
    if (piece !== undefined) releaseCount(piece.offset);
  }
}

/** What came with an item: its value, or how to have it as soon as modules are imported. */
export type Received =
  | { readonly loading?: undefined; readonly value: unknown }
  | { readonly loading: Promise<unknown>; readonly read: () => unknown };

/** Reads an item at once. @throws {DeserializationError} If it cannot be read. */
export function readItem(item: TakenItem): Received {
  const { buffer, length, mark, owned } = item;
  if (mark === 0) return { loading: undefined, value: decodeValue(buffer, 0, length, owned ? OWNED : COPIED) };
  return readWithHolds(buffer, length, mark, () => readBehindDefinitions(item, valueEnd(buffer, length, mark)));
}

function readBehindDefinitions({ buffer, mark, owned }: TakenItem, length: number): Received {
  const loading: Promise<void>[] = [];
  let at = 0;
  for (let left = definitionsIn(mark); left > 0; left--) {
    if (at + LENGTH_BYTES > length) throw new DeserializationError('Cannot read a message: its definitions are cut off');
    const end = at + LENGTH_BYTES + new DataView(buffer.buffer, buffer.byteOffset + at).getUint32(0, true);
    const started = loadDefinition(buffer.subarray(at + LENGTH_BYTES, end));
    if (started !== undefined) loading.push(started);
    at = end;
  }
  if (loading.length === 0) return { loading: undefined, value: decodeValue(buffer, at, length, owned ? OWNED : COPIED) };
  const message = buffer.slice(at, length);
  return { loading: Promise.all(loading), read: () => decodeValue(message, 0, message.length, OWNED) };
}

/** Definitions, each after those that it requires. */
export function withRequired(definitions: readonly Definition[], found: Set<Definition> = new Set()): readonly Definition[] {
  for (const definition of definitions) {
    if (found.has(definition)) continue;
    withRequired(definition.requires, found);
    found.add(definition);
  }
  return [...found];
}

function lengthOf(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  new DataView(bytes.buffer).setUint32(0, body.length, true);
  return bytes;
}

const LENGTH_BYTES = 4;
const OWNED = { owned: true, inFlight: true };
const COPIED = { inFlight: true };
