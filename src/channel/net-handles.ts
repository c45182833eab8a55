/**
 * Sockets and servers of `node:net` that are sent to other processes of the family: each has one then, over a descriptor of
 * its own, and they are open until all of them are closed.
 *
 * Runs in every process and thread. What a sender's socket has read and nobody took goes along to the first who opens it.
 *
 * Header words 5 … 7 of the piece are that (`leftover.ts`), 8 says whether the socket may stay half open.
 */
import type * as net from 'node:net';
import type { Server, Socket } from 'node:net';
import { joinAsMember } from '../sharing/member.js';
import { adoptPiece, dropPiece, KIND, type SharedKind } from '../sharing/shared-kinds.js';
import { dropDescriptor, keepDescriptor, takeOwnDescriptor } from '../substrate/kept-descriptors.js';
import { createPiece, FIRST_OWN_WORD, type SharedPiece } from '../substrate/shared-piece.js';
import { Leftover } from './leftover.js';

const HALF_OPEN: number = FIRST_OWN_WORD + 3;

/** What node keeps of a stream's or server's descriptor; there is no other way to learn its number. */
interface NodeHandle {
  readonly fd: number;
  reading?: boolean;
  readStop?(): void;
}

type NetObject = (Socket | Server) & { _handle: NodeHandle | null };

const socketKind: SharedKind = { kind: KIND.NET_SOCKET, open: openSocket, freed };
const serverKind: SharedKind = { kind: KIND.NET_SERVER, open: openServer, freed };

/** How they are opened. */
export function netKinds(): readonly SharedKind[] {
  return [socketKind, serverKind];
}

/** Whether it is one, or a socket of a class that extends theirs, such as a stream of TLS. */
export function isOfNet(value: object): boolean {
  return isSendable(value) || value instanceof nodeNet().Socket;
}

/** Shares one. @throws {TypeError} If it cannot be sent: why. {SystemError|ResourceExhaustedError} If its descriptor cannot be kept. */
export function lendNet(value: object): void {
  if (!isSendable(value))
    throw new TypeError('it is a stream of TLS, or of another class of sockets, which stays in its process');
  const handle = value._handle;
  if (handle === null || !(handle.fd >= 0))
    throw new TypeError(`it is a ${isSocket(value) ? 'socket' : 'server'} that is not open`);
  if (isSocket(value) && value.connecting) throw new TypeError('it is a socket that is not connected yet');
  if (isSocket(value) && value.writableLength > 0)
    throw new TypeError(`it is a socket that has ${value.writableLength} bytes yet to write; wait for 'drain'`);
  joinAsMember();
  const piece = createPiece(isSocket(value) ? KIND.NET_SOCKET : KIND.NET_SERVER, 0);
  try {
    if (isSocket(value)) putRest(value, handle, piece.header);
    keepDescriptor(piece.offset, handle.fd);
  } catch (error) {
    piece.release();
    throw error;
  }
  adopt(value, piece);
}

/** What was read goes along, and nothing more is read here unless somebody asks for it. */
function putRest(socket: Socket, handle: NodeHandle, header: Int32Array): void {
  socket.pause();
  if (handle.reading === true) {
    handle.reading = false;
    handle.readStop?.();
  }
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = socket.read() as Uint8Array | string | null;
    if (chunk === null) break;
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, socket.readableEncoding ?? 'utf8') : chunk);
  }
  Atomics.store(header, HALF_OPEN, socket.allowHalfOpen ? 1 : 0);
  leftover(header).put(Buffer.concat(chunks));
}

function openSocket(piece: SharedPiece): Socket {
  const { header } = piece;
  const allowHalfOpen = Atomics.load(header, HALF_OPEN) === 1;
  const socket = new (nodeNet().Socket)({ fd: takeOwnDescriptor(piece.offset), allowHalfOpen, readable: true, writable: true });
  const rest = leftover(header).take();
  if (rest.length > 0) socket.unshift(rest);
  adopt(socket, piece);
  return socket;
}

function openServer(piece: SharedPiece): Server {
  const server = nodeNet().createServer();
  server.listen({ fd: takeOwnDescriptor(piece.offset) });
  adopt(server, piece);
  return server;
}

/** From now on the object is that of the piece, until it is closed. */
function adopt(value: Socket | Server, piece: SharedPiece): void {
  adoptPiece(value, piece, isSocket(value) ? socketKind : serverKind);
  value.once('close', () => dropPiece(value));
}

function freed(offset: number, header: Int32Array): void {
  dropDescriptor(offset);
  leftover(header).free();
}

function leftover(header: Int32Array): Leftover {
  return new Leftover(header.subarray(FIRST_OWN_WORD));
}

function isSocket(value: Socket | Server): value is Socket {
  return value instanceof nodeNet().Socket;
}

/** Exactly of these classes: what others do beside is not known. */
function isSendable(value: object): value is NetObject {
  const { Socket, Server } = nodeNet();
  return [Socket.prototype, Server.prototype].includes(Object.getPrototypeOf(value) as never);
}

function nodeNet(): typeof net {
  return process.getBuiltinModule('node:net');
}
