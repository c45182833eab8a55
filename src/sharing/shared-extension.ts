/**
 * Shared objects as an extension of the codec: a message has the place of an object, never its contents.
 *
 * Runs in every process of a family; not registered for what comes over a socket. Who sends a message that may be
 * read at any time, or several times, keeps `Encoded.holds` until nobody reads it any more; a message that is read
 * once (`inFlight` at both ends) counts as a hold itself, so its sender may let go, or die, at once.
 */
import { releaseCount, retainCount } from '../substrate/shared-piece.js';
import type { ValueReader, ValueWriter, WireExtension } from '../wire/codec-types.js';
import { registerExtension } from '../wire/extensions.js';
import { kindOf, openShared, pieceOf } from './shared-kinds.js';

/** Lets messages of this process have shared objects in them. */
export function registerSharedObjects(): void {
  registerExtension(sharedExtension);
}

/** Writes the place of a shared object that is part of another one. */
export function writePlace(facade: object, out: ValueWriter): void {
  const piece = pieceOf(facade);
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
  const facade = openShared(kind, offset, extra);
  if (input.inFlight) releaseCount(offset);
  return facade;
}

const sharedExtension: WireExtension = {
  tag: 8,
  name: 'shared object',
  first: true,
  views: true,
  matches: (value) => pieceOf(value) !== undefined,
  encode: writePlace,
  decode(input) {
    const facade = readPlace(input);
    input.register(facade);
    return facade;
  },
};
