/**
 * Socket connections that are sent to other processes of the family: each has the end then, and it is open until all have closed it.
 *
 * Runs in every process and thread. Over sockets themselves nothing of this goes.
 */
import type { Lender } from '../sharing/lenders.js';
import { addLender } from '../sharing/lenders.js';
import { joinAsMember } from '../sharing/member.js';
import { adoptPiece, dropPiece, KIND, type SharedKind } from '../sharing/shared-kinds.js';
import { Connection } from './connection.js';
import { SharedSocket, sharedSocketDied, sharedSocketFreed } from './shared-socket.js';
import { SocketTransport } from './socket-transport.js';

/** The connection over a socket, which can be sent. */
export function socketConnection<T>(transport: SocketTransport): Connection<T> {
  addLender(connectionLender);
  return new Connection<T>(transport);
}

const connectionLender: Lender = {
  matches: (value) => value instanceof Connection,
  lend(value) {
    const connection = value as Connection;
    const transport = Connection.transportOf(connection);
    if (transport.closed || !(transport instanceof SocketTransport)) throw new TypeError('it is a connection that is closed');
    joinAsMember();
    adopt(connection, transport, transport.share());
  },
};

/** From now on the connection of this thread is that of a piece. */
function adopt(connection: Connection, transport: SocketTransport, { piece }: SharedSocket): void {
  const facade = new WeakRef(connection);
  transport.onClose = () => {
    const own = facade.deref();
    if (own !== undefined) dropPiece(own);
  };
  adoptPiece(connection, piece, socketKind, () => {
    transport.close();
    return true;
  });
}

function open(shared: SharedSocket): Connection {
  const { bytesOnly, maxMessageBytes } = shared.options;
  const transport = new SocketTransport(shared.openHandle(), { maxMessageBytes });
  if (bytesOnly) transport.refuseValues('the other end is Python, which cannot read our values; use sendBytes()');
  transport.takePart(shared);
  const connection = socketConnection(transport);
  adopt(connection, transport, shared);
  return connection;
}

/** How such connections are opened, and what deaths mean to them. */
export const socketKind: SharedKind = {
  kind: KIND.SOCKET,
  open: (piece) => open(new SharedSocket(piece)),
  died: sharedSocketDied,
  freed: sharedSocketFreed,
};
