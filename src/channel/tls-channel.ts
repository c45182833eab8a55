/**
 * A stream of bytes over TLS.
 *
 * Runs in every process that has such a connection; loaded with the first one. Node's TLS lives in the event loop, so
 * nothing here can block; where blocking code connects, a thread runs TLS for it (`tls-relay.ts`).
 */
import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { InvalidStateError, SystemError } from '../errors.js';
import { type SocketHandle, WOULD_BLOCK } from '../substrate/socket-handle.js';
import { limitWait } from '../substrate/wait-limit.js';
import type { Address } from './address.js';
import type { ByteChannel } from './byte-channel.js';
import type { TlsOptions } from './connection-options.js';
import { unusable } from './tls-check.js';
import { bindingOf, definedOf, dialTls, type TlsDial } from './tls-dial.js';
import { refusedByTls } from './tls-relay.js';

export class TlsChannel implements ByteChannel {
  readonly #socket: TLSSocket;
  readonly #raw: Socket;
  #chunk: Buffer = EMPTY;
  #ended = false;
  #failure: Error | undefined;
  #listener: (() => void) | undefined;

  constructor(socket: TLSSocket, raw: Socket) {
    this.#socket = socket;
    this.#raw = raw;
    socket.on('readable', () => this.#listener?.());
    socket.on('drain', () => this.#listener?.());
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
    socket.on('error', (error) => {
      this.#failure = error;
      this.#end();
    });
    raw.unref();
  }

  /** What only the two ends of this very stream know. */
  get binding(): Uint8Array {
    return bindingOf(this.#socket);
  }

  read(into: Uint8Array, offset: number, length: number, wait = false): number {
    if (this.#chunk.length === 0) this.#chunk = (this.#socket.read() as Buffer | null) ?? EMPTY;
    if (this.#chunk.length === 0) {
      if (this.#failure !== undefined) throw brokenBy(this.#failure, 'receive');
      if (wait && !this.#ended) return this.#refuse();
      return this.#ended ? 0 : WOULD_BLOCK;
    }
    const count = Math.min(length, this.#chunk.length);
    into.set(this.#chunk.subarray(0, count), offset);
    this.#chunk = this.#chunk.subarray(count);
    return count;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.#failure !== undefined) throw brokenBy(this.#failure, 'send');
    if (!this.#socket.writable) throw brokenBy({ message: 'it has ended', code: 'EPIPE' }, 'send');
    if (this.#socket.writableNeedDrain) return WOULD_BLOCK;
    const count = Math.min(length, PIECE_BYTES);
    this.#socket.write(Buffer.from(bytes.subarray(offset, offset + count)));
    return count;
  }

  waitSync(): boolean {
    return this.#refuse();
  }

  /** It always tells. */
  wantWritable(): void {}

  onReady(listener: () => void): void {
    this.#listener = listener;
    this.#socket.read(0); // begins to read
  }

  hold(): void {
    this.#raw.ref();
  }

  release(): void {
    this.#raw.unref();
  }

  close(): void {
    this.#listener = undefined;
    this.#chunk = EMPTY;
    if (this.#socket.writableLength > 0) {
      // What was sent is on its way still; the stream ends behind it.
      this.#raw.ref();
      this.#socket.once('finish', () => this.#socket.destroy());
      this.#socket.end();
    } else {
      this.#socket.end();
      this.#socket.destroySoon();
    }
  }

  #refuse(): never {
    throw new InvalidStateError(
      'Cannot block: this connection over TLS needs the event loop; use recv(), send() and poll() without Sync, or connect with ClientSync()',
    );
  }

  #end(): void {
    this.#ended = true;
    this.#listener?.();
  }
}

/**
 * The client's end over a connected socket, which is taken over.
 *
 * @throws {AuthenticationError} If the listener's certificate is refused.
 * @throws {TypeError} If an option cannot be used.
 */
export async function secureClient(
  handle: SocketHandle,
  address: Address,
  options: TlsOptions,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<TlsChannel> {
  const raw = new Socket({ fd: handle.detach() });
  const { socket, secured } = dialOver(raw, address, options);
  try {
    const limits = { timeout: Math.max(0, Math.round(timeoutMs)), signal };
    const judged = secured.catch((error: Error) => {
      throw refusedByTls(error, 'connect');
    });
    await limitWait(judged, limits, 'connect: the listener does not speak TLS in time');
    return new TlsChannel(socket, raw);
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    raw.destroy();
    throw error;
  }
}

function dialOver(raw: Socket, address: Address, options: TlsOptions): TlsDial {
  try {
    return dialTls(raw, typeof address === 'string' ? undefined : address.host, options);
  } catch (error) {
    raw.destroy();
    throw unusable(error, 'connect');
  }
}

/** The listener's end over an accepted socket, which is taken over; `close` gives it up. */
export function secureListener(handle: SocketHandle, options: TlsOptions, timeoutMs: number): PendingTls {
  const raw = new Socket({ fd: handle.detach() });
  raw.unref();
  raw.on('error', () => undefined);
  // A server of its own, which never listens: what a server says of a socket does not name the one below it.
  const server = createServer({ ...definedOf(options), handshakeTimeout: timeoutMs });
  const channel = new Promise<TlsChannel>((resolve, reject) => {
    server.on('secureConnection', (socket) => resolve(new TlsChannel(socket, raw)));
    server.on('tlsClientError', (error, socket) => {
      socket.destroy();
      raw.destroy();
      reject(refusedByTls(error, 'accept a connection'));
    });
    raw.once('close', () => reject(refusedByTls(new Error('the client ended the connection'), 'accept a connection')));
  });
  server.emit('connection', raw);
  return { channel, close: () => raw.destroy() };
}

export interface PendingTls {
  readonly channel: Promise<TlsChannel>;
  close(): void;
}

function brokenBy(cause: { message: string; code?: string }, act: string): SystemError {
  const failure = { code: cause.code ?? 'ECONNRESET', errno: 104, syscall: act === 'send' ? 'send' : 'recv' };
  return new SystemError(`Cannot ${act}: ${cause.message}`, failure, { cause });
}

const EMPTY: Buffer = Buffer.alloc(0);
const PIECE_BYTES = 2 ** 16;
