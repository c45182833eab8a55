/**
 * Pairs of connections over shared memory.
 *
 * Runs in every process and thread.
 */
import { joinAsMember } from '../sharing/member.js';
import { adoptPiece, dropPiece, KIND, type SharedKind } from '../sharing/shared-kinds.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { createPiece, retainCount, type SharedPiece } from '../substrate/shared-piece.js';
import { Connection } from './connection.js';
import { endDied, endFreed, type EndRole, PIPE_BYTES, pipeFreed, readRole, writeRole } from './pipe-memory.js';
import { PipeTransport } from './pipe-transport.js';

/**
 * Makes two connected connections.
 *
 * @param options.duplex Both can send and receive; else the first one can only receive, the second only send. Default true.
 * @throws {ResourceExhaustedError} If there is no shared memory left.
 * @python `multiprocessing.Pipe`
 */
export function Pipe<T = unknown>(options: { duplex?: boolean } = {}): [Connection<T>, Connection<T>] {
  checkOptionsObject('Cannot create a pipe', options);
  const { duplex = true } = options;
  if (typeof duplex !== 'boolean')
    throw new TypeError(`Cannot create a pipe: duplex must be a boolean, received ${String(duplex)}`);
  joinAsMember();
  const pipe = createPiece(KIND.PIPE, PIPE_BYTES);
  try {
    return [
      makeEnd<T>(pipe, { index: 0, readable: true, writable: duplex }),
      makeEnd<T>(pipe, { index: 1, readable: duplex, writable: true }),
    ];
  } finally {
    pipe.release();
  }
}

/** An end is counted by its holders, and is itself counted by the pipe. */
function makeEnd<T>(pipe: SharedPiece, role: EndRole): Connection<T> {
  const piece = createPiece(KIND.PIPE_END, HEADER_ONLY);
  writeRole(piece.header, pipe.offset, role);
  retainCount(pipe.offset);
  return openEnd<T>(piece);
}

function openEnd<T>(piece: SharedPiece): Connection<T> {
  const own: { facade?: WeakRef<object> } = {};
  const transport = new PipeTransport(readRole(piece.header), () => {
    const facade = own.facade?.deref();
    if (facade !== undefined) dropPiece(facade);
  });
  const connection = new Connection<T>(transport);
  own.facade = new WeakRef(connection);
  adoptPiece(connection, piece, pipeEndKind, () => transport.release());
  return connection;
}

const HEADER_ONLY = 0;

/** The memory of a pipe: never sent itself. */
export const pipeKind: SharedKind = {
  kind: KIND.PIPE,
  open() {
    throw new TypeError('Cannot open a pipe: only its ends are sent');
  },
  freed: pipeFreed,
};

/** How ends of pipes are sent, and what their deaths mean. */
export const pipeEndKind: SharedKind = {
  kind: KIND.PIPE_END,
  open: (piece) => openEnd(piece),
  died: endDied,
  freed: endFreed,
};
