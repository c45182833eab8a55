/**
 * The kinds of shared objects, and the objects of them that this thread has opened.
 *
 * Runs in every process and thread. There is one object for each thing shared in a thread: what comes back from
 * another process is the very object that was sent there. An object that is no longer used here lets go of the
 * shared memory; what a dead process held is let go of by whoever finds it dead.
 */
import { ProtocolError } from '../errors.js';
import type { ParticipantId } from '../substrate/participants.js';
import { onHolderDeath } from '../substrate/self.js';
import {
  beforeFree,
  createPiece,
  headerAt,
  kindAt,
  openPiece,
  releaseCount,
  retainCount,
  type SharedPiece,
} from '../substrate/shared-piece.js';
import type { ValueReader, ValueWriter } from '../wire/codec-types.js';
import { explainRefusal } from '../wire/refusal.js';

/** The numbers of kinds in shared memory and in messages. */
export const KIND = {
  LOCK: 1,
  RLOCK: 2,
  SEMAPHORE: 3,
  BOUNDED_SEMAPHORE: 4,
  CONDITION: 5,
  EVENT: 6,
  BARRIER: 7,
  VALUE: 16,
  ARRAY: 17,
  RAW_VALUE: 18,
  RAW_ARRAY: 19,
  STRUCT: 20,
  RAW_STRUCT: 21,
  QUEUE: 32,
  JOINABLE_QUEUE: 33,
  SIMPLE_QUEUE: 34,
  PIPE: 35,
  PIPE_END: 36,
  SOCKET: 37,
  NET_SOCKET: 38,
  NET_SERVER: 39,
  PARCEL: 40,
  MANAGER: 48,
  MANAGER_TICKETS: 49,
  MANAGED: 50,
  REMOTE_MANAGED: 51,
} as const;

/** How objects of a kind are sent, opened and repaired. */
export interface SharedKind {
  readonly kind: number;
  /** Writes what a receiver needs beside the place; read by `read`. */
  write?(facade: object, out: ValueWriter): void;
  read?(input: ValueReader): unknown;
  /** Makes the object of this thread for a piece that was made elsewhere; `extra` is what `read` gave. */
  open(piece: SharedPiece, extra: unknown): object;
  /** Called in whatever process finds a holder dead: repairs what it took part in, and wakes who waits. */
  died?(offset: number, dead: ParticipantId, header: Int32Array): void;
  /** Frees what belongs to an object that nobody holds any more, beside its piece. */
  freed?(offset: number, header: Int32Array): void;
}

/** Says how to load all kinds: needed as soon as an object arrives, or is left by the dead, of which this thread has none. */
export function setKindLoader(load: () => readonly SharedKind[]): void {
  loadKinds = load;
}

/**
 * The piece that a constructor shall take: that of `constructOn`, else a new one with a zeroed body.
 *
 * @param bytes Of the body.
 * @throws {ResourceExhaustedError} If there is no memory for it.
 */
export function pieceFor(kind: number, bytes: number, options = 0): SharedPiece {
  const piece = opening;
  opening = undefined;
  return piece ?? createPiece(kind, bytes, options);
}

/** Whether the constructor that runs was called by `constructOn`: it then must not initialise the shared memory. */
export function isOpening(): boolean {
  return opening !== undefined;
}

/** Calls a constructor for an object that exists already. */
export function constructOn<T extends object>(piece: SharedPiece, make: () => T): T {
  opening = piece;
  try {
    return make();
  } finally {
    opening = undefined;
  }
}

/**
 * Ties an object of this thread to its piece: it can be sent from now on.
 *
 * @param close Lets go of what else the object has; called when it is garbage. If it gives false, the piece is kept.
 */
export function adoptPiece(facade: object, piece: SharedPiece, kind: SharedKind, close: () => boolean = () => true): void {
  kinds.set(kind.kind, kind);
  pieces.set(facade, piece);
  facades.set(piece.offset, new WeakRef(facade));
  garbage.register(facade, { piece, close }, facade);
}

/** Lets go of an object's piece now; the object must not be used any more. */
export function dropPiece(facade: object): void {
  const piece = pieces.get(facade);
  if (piece === undefined) return;
  pieces.delete(facade);
  garbage.unregister(facade);
  forget(piece.offset, facade);
  piece.release();
}

/**
 * Keeps what a message names while somebody may still read it, even if it is closed here meanwhile.
 *
 * @param holds `Encoded.holds`.
 * @returns Lets go of it; a second call changes nothing.
 */
export function retainHolds(holds: readonly object[]): () => void {
  const offsets = holds.flatMap((facade) => pieces.get(facade)?.offset ?? []);
  for (const offset of offsets) retainCount(offset);
  return () => {
    for (const offset of offsets.splice(0)) releaseCount(offset);
  };
}

/** The piece of a shared object; undefined for other objects. */
export function pieceOf(facade: object): SharedPiece | undefined {
  return pieces.get(facade);
}

/** This thread's object for the piece at `offset`: the one that is there already, or a new one. */
export function openShared(kind: number, offset: number, extra: unknown): object {
  const known = facades.get(offset)?.deref();
  if (known !== undefined && pieces.get(known)?.kind === kind) return known;
  const { open } = kindOf(kind);
  const piece = openPiece(kind, offset);
  try {
    return open(piece, extra);
  } catch (error) {
    piece.release();
    throw error;
  }
}

/** A kind by its number. @throws {ProtocolError} If there is none. */
export function kindOf(kind: number): SharedKind {
  const found = knownKind(kind);
  if (found === undefined) throw new ProtocolError(`Cannot open a shared object: its kind is not known, received ${kind}`);
  return found;
}

/** Has the objects repaired that dead processes held. To be called in each thread that has children. */
export function prepareSharing(): void {
  if (prepared) return;
  prepared = true;
  onHolderDeath({
    died: (offset, dead) => knownKind(kindAt(offset))?.died?.(offset, dead, headerAt(offset)),
    release: releaseCount,
  });
  beforeFree((offset, header) => knownKind(kindAt(offset))?.freed?.(offset, header));
}

function knownKind(kind: number): SharedKind | undefined {
  if (!kinds.has(kind)) for (const each of loadKinds?.() ?? []) kinds.set(each.kind, each);
  return kinds.get(kind);
}

function forget(offset: number, facade: object | undefined): void {
  if (facades.get(offset)?.deref() === facade) facades.delete(offset);
}

let opening: SharedPiece | undefined;
let prepared = false;
let loadKinds: (() => readonly SharedKind[]) | undefined;
const kinds = new Map<number, SharedKind>();
const pieces = new WeakMap<object, SharedPiece>();
const facades = new Map<number, WeakRef<object>>();
explainRefusal((value) => pieces.has(value), 'only the processes and threads of one family share it; send a copy of its data');
const garbage = new FinalizationRegistry<{ piece: SharedPiece; close: () => boolean }>(({ piece, close }) => {
  forget(piece.offset, undefined);
  if (close()) piece.release();
});
