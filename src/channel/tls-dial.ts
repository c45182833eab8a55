/**
 * The client's end of TLS over a socket that is connected.
 *
 * Runs in every process that has such a connection: in its own event loop, or in the thread that relays
 * (`tls-relay-main.ts`), for which this file imports nothing of the library.
 */
import { Buffer } from 'node:buffer';
import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { TlsOptions } from './connection-options.js';

/** A stream that is being secured. */
export interface TlsDial {
  readonly socket: TLSSocket;
  /** Rejects with what TLS says. */
  readonly secured: Promise<void>;
}

/** @param host Undefined for a path, which has none. @throws {Error} If an option cannot be used. */
export function dialTls(raw: Socket, host: string | undefined, options: TlsOptions): TlsDial {
  const servername = options.servername ?? (host === undefined || isIP(host) !== 0 ? undefined : host);
  const socket = connect({
    ...definedOf(options),
    ...(host === undefined ? {} : { host }),
    ...(servername === undefined ? {} : { servername }),
    socket: raw,
  });
  const secured = new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the listener ended the connection')));
  });
  return { socket, secured };
}

/** What only the two ends of this very stream know. */
export function bindingOf(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(32, 'EXPORTER-multiproc-authkey', Buffer.alloc(0));
}

/** Options that are given; node takes undefined for a value of some of them. */
export function definedOf(options: TlsOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
