/**
 * Values that need definitions, packed into bytes: a message can then be read, and its call be known, before the modules
 * are imported that the value needs.
 *
 * Runs in clients and servers.
 */
import { withRequired } from '../channel/item.js';
import { decodeValue, encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { loadDefinition } from '../wire/definitions.js';

/** Bytes of a value, and the bodies of the definitions to load before. */
export interface Packed {
  readonly bytes: Uint8Array;
  readonly bodies: readonly Uint8Array[];
}

/** Packs a value. @throws {SerializationError} If it cannot be sent; paths begin with `root`. */
export function packValue(value: unknown, root: string): Packed {
  return packed(encodeValue(value, root, IN_FLIGHT));
}

/** Packs what was encoded otherwise. */
export function packed({ buffer, start, end, definitions }: Encoded): Packed {
  return { bytes: buffer.subarray(start, end), bodies: withRequired(definitions).map(({ body }) => body) };
}

/** Reads a packed value whose definitions are loaded. */
export function unpackValue(bytes: Uint8Array): unknown {
  return decodeValue(bytes, 0, bytes.length, IN_FLIGHT);
}

/** Loads definitions; the promise settles when their modules are there, undefined: they are. */
export function loadBodies(bodies: readonly Uint8Array[]): Promise<unknown> | undefined {
  const loading = bodies.flatMap((body) => loadDefinition(body) ?? []);
  return loading.length === 0 ? undefined : Promise.all(loading);
}

/** A packed value is read once. */
export const IN_FLIGHT = { inFlight: true } as const;
