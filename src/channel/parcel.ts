/**
 * A message with shared objects that goes over a Unix socket to another process of the family. The socket carries the
 * message; whose the objects in it are is said in shared memory, so that none is lost and none is kept for ever.
 *
 * Runs in senders and receivers. Who sends it holds the objects until the receiver has accepted it, or can no longer
 * do so: it waits for that (`handovers.ts`). Who receives it accepts it before anything of it is read, which only a
 * message of the family can be: it has a number that is found in shared memory only.
 *
 * ```text
 * header word 5   the entry in the table and one (`parcel-table.ts`), 6   its generation
 * body            u32: how many objects, u32 each: where they lie, in lines of 64 bytes
 * message         the value, then its objects as behind every item (`item-holds.ts`)
 * ```
 *
 * Who may die at which step: the sender, before it has this piece: its objects stay for as long as the family does, within
 * some instructions; afterwards: whoever finds it dead undoes the offer and lets go of them, or finds it accepted, and they
 * are the receiver's. The receiver, before it accepts: the sender sees the end of the socket and undoes the offer; then until
 * it has listed what it accepted: that stays, within some instructions; afterwards: as with all that it holds.
 */
import { Buffer } from 'node:buffer';
import { DeserializationError } from '../errors.js';
import { joinAsMember } from '../sharing/member.js';
import { sharedObjectsOnly } from '../sharing/shared-extension.js';
import { KIND, pieceOf, type SharedKind } from '../sharing/shared-kinds.js';
import { arena } from '../substrate/arena.js';
import { LINE_BYTES } from '../substrate/layout.js';
import { createPiece, FIRST_OWN_WORD, releaseCount, type SharedPiece } from '../substrate/shared-piece.js';
import type { WaitPoint } from '../substrate/wait-point.js';
import { decodeValue, encodeValue, registerExtension } from '../wire/codec.js';
import type { Encoded, WireExtension } from '../wire/codec-types.js';
import { holdsBehind, markOf, readWithHolds, valueEnd } from './item-holds.js';
import { accept, type EntryName, isOffered, offer, pointOf, takeEntry, withdraw } from './parcel-table.js';

const ENTRY: number = FIRST_OWN_WORD;
const GENERATION: number = FIRST_OWN_WORD + 1;

/** As the sender has it. */
export class Parcel {
  /** What goes over the socket. */
  readonly note: ParcelNote;
  readonly #piece: SharedPiece;
  readonly #index: number;
  readonly #generation: number;

  /**
   * Writes a value that has shared objects.
   *
   * @throws {SerializationError} If something in it cannot be sent. {MessageTooLargeError} {ResourceExhaustedError}
   */
  constructor(value: unknown, maxBytes: number) {
    joinAsMember();
    const options = { inFlight: true, maxBytes, allow: sharedObjectsOnly, receiverLimits: {} };
    const { buffer, start, end, holds } = encodeValue(value, 'value', options);
    const offsets = holds.flatMap((facade) => pieceOf(facade)?.offset ?? []);
    let piece: SharedPiece | undefined;
    try {
      piece = createPiece(KIND.PARCEL, 4 * (1 + offsets.length));
      const body = arena().words(piece.body, piece.bytes);
      for (const [at, offset] of offsets.entries()) Atomics.store(body, at + 1, offset / LINE_BYTES);
      Atomics.store(body, 0, offsets.length);
      const bytes = Buffer.concat([buffer.subarray(start, end), ...holdsBehind(holds)]);
      const { index, generation } = takeEntry(); // nothing fails from here on
      Atomics.store(piece.header, GENERATION, generation);
      Atomics.store(piece.header, ENTRY, index + 1);
      this.note = new ParcelNote(offer(index, generation), bytes);
      this.#piece = piece;
      this.#index = index;
      this.#generation = generation;
    } catch (error) {
      for (const offset of offsets) releaseCount(offset);
      piece?.release();
      throw error;
    }
  }

  /** Where its sender is woken when it was accepted. */
  get point(): WaitPoint {
    return pointOf(this.#index);
  }

  /** Whether nobody has accepted it yet. */
  get isOffered(): boolean {
    return isOffered(this.#index, this.#generation);
  }

  /** The end of it: what nobody accepted is the sender's again, who lets go of it. True: nobody did. A second call changes nothing. */
  end(): boolean {
    const isUndone = undo(this.#piece.offset, this.#piece.header);
    this.#piece.release();
    return isUndone;
  }
}

/** A message with shared objects, and what says so. */
export class ParcelNote {
  readonly entry: EntryName;
  readonly bytes: Uint8Array;

  constructor(entry: EntryName, bytes: Uint8Array) {
    this.entry = entry;
    this.bytes = bytes;
  }
}

/**
 * Reads a message of a Unix socket: data, or a parcel.
 *
 * @throws {DeserializationError} If it cannot be read, is a parcel of another family, or who sent it took it back.
 */
export function readMessage(buffer: Uint8Array, start: number, end: number, owned: boolean): unknown {
  notes = 0;
  const value = decodeValue(buffer, start, end, { owned, allow: parcelsOnly, limits: {} });
  if (notes === 0) return value;
  if (!(value instanceof ParcelNote)) throw new DeserializationError('Cannot receive: a message is part of another one');
  return openParcel(value);
}

function openParcel({ entry, bytes }: ParcelNote): unknown {
  const outcome = accept(entry);
  if (outcome !== 'accepted') {
    const reason =
      outcome === 'gone'
        ? 'the process that sent it closed the connection, or ended, before it was received'
        : 'it has shared objects, and no living process of this family sent it';
    throw new DeserializationError(`Cannot receive: ${reason}`);
  }
  joinAsMember();
  return readWithHolds(bytes, bytes.length, MARK, () => {
    const end = valueEnd(bytes, bytes.length, MARK);
    return decodeValue(bytes, 0, end, { inFlight: true, allow: sharedObjectsOnly, limits: {} });
  });
}

/** Has the codec know such messages. */
export function registerParcels(): void {
  registerExtension(noteExtension);
}

/** The bytes of a message that says of a parcel. @throws {MessageTooLargeError} */
export function encodeNote(parcel: Parcel, maxBytes: number, headerBytes: number): Encoded {
  return encodeValue(parcel.note, 'value', { headerBytes, maxBytes, allow: parcelsOnly, receiverLimits: {} });
}

const parcelsOnly = (extension: WireExtension): boolean => extension === noteExtension;

/** Undoes an offer; whether it was one still. */
function undo(offset: number, header: Int32Array): boolean {
  const entry = Atomics.exchange(header, ENTRY, 0);
  if (entry === 0 || !withdraw(entry - 1, Atomics.load(header, GENERATION))) return false;
  const count = Atomics.load(arena().words(offset + LINE_BYTES, 4), 0);
  const body = arena().words(offset + LINE_BYTES, 4 * (1 + count));
  for (let at = 1; at <= count; at++) releaseCount((Atomics.load(body, at) >>> 0) * LINE_BYTES);
  return true;
}

/** Parcels are held by their sender alone. */
export const parcelKind: SharedKind = {
  kind: KIND.PARCEL,
  open() {
    throw new TypeError('Cannot open a parcel: it is never sent itself');
  },
  died: (offset, _dead, header) => void undo(offset, header),
};

const noteExtension: WireExtension = {
  tag: 10,
  name: 'message with shared objects',
  first: true,
  matches: (value) => value instanceof ParcelNote,
  encode(value, out) {
    const { entry, bytes } = value as ParcelNote;
    out.varint(entry.index);
    out.varint(entry.generation);
    out.bytes(entry.key);
    out.bytes(bytes);
  },
  decode(input) {
    const note = new ParcelNote({ index: input.varint(), generation: input.varint(), key: input.bytes() }, input.bytes());
    input.register(note);
    notes++;
    return note;
  },
};

/** How many were in the message that was read last. */
let notes = 0;
const MARK = markOf(0, [noteExtension]);
