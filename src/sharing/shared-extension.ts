/**
 * Shared objects as an extension of the codec: a message has the place of an object, never its contents.
 *
 * Runs in every process of a family; not registered for what comes over a socket. Who sends a message that may be
 * read at any time, or several times, keeps `Encoded.holds` until nobody reads it any more; a message that is read
 * once (`inFlight` at both ends) counts as a hold itself, so its sender may let go, or die, at once.
 */
import { SerializationError } from '../errors.js';
import { releaseCount, retainCount, type SharedPiece } from '../substrate/shared-piece.js';
import type { ValueReader, ValueWriter, WireExtension } from '../wire/codec-types.js';
import { registerExtension } from '../wire/extensions.js';
import { releaseArrived } from './arrivals.js';
import { isShareable, lend } from './lenders.js';
import { kindOf, openShared, pieceOf } from './shared-kinds.js';

/** Lets messages of this process have shared objects in them. */
export function registerSharedObjects(): void {
  registerExtension(sharedExtension);
}

/** Writes the place of a shared object that is part of another one. */
export function writePlace(facade: object, out: ValueWriter): void {
  const piece = pieceOf(facade) ?? lent(facade, out);
  if (piece === undefined) throw new TypeError('Cannot send a shared object: it is closed');
  const { kind, offset } = piece;
  out.varint(kind);
  out.varint(offset);
  if (out.inFlight) {
    retainCount(offset);
    out.hold(facade, () => releaseCount(offset));
  } else {
    out.hold(facade);
  }
  kindOf(kind).write?.(facade, out);
}

/** Reads what `writePlace` wrote. */
export function readPlace(input: ValueReader): object {
  const kind = input.varint();
  const offset = input.varint();
  const extra = kindOf(kind).read?.(input);
  try {
    return openShared(kind, offset, extra);
  } finally {
    if (input.inFlight) releaseArrived(offset);
  }
}

/** The piece of an object that is shared from now on. */
function lent(facade: object, out: ValueWriter): SharedPiece | undefined {
  try {
    lend(facade);
  } catch (error) {
    const path = out.path();
    const reason = error instanceof TypeError ? error.message : `it cannot be shared: ${String(error)}`;
    throw new SerializationError(`Cannot send ${path}: ${reason}`, { path, cause: error });
  }
  return pieceOf(facade);
}

/** Has a message take shared objects, and nothing else beside data. */
export const sharedObjectsOnly = (extension: WireExtension): boolean => extension === sharedExtension;

const sharedExtension: WireExtension = {
  tag: 8,
  name: 'shared object',
  first: true,
  views: true,
  matches: isShareable,
  encode: writePlace,
  decode(input) {
    const facade = readPlace(input);
    input.register(facade);
    return facade;
  },
};
