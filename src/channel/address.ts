/**
 * Addresses of listeners: paths of sockets, and hosts with ports.
 *
 * Runs in every process.
 */
import { Buffer } from 'node:buffer';
import { SystemError } from '../errors.js';
import { nameOf, type SocketPlace } from '../substrate/socket-handle.js';

/** The path of a Unix socket (on Linux, one that begins with `\0` is a name in no folder), or a host and a port. */
export type Address = string | { readonly host: string; readonly port: number };

/**
 * Checks what a user gave.
 *
 * @param act Completes "Cannot …".
 * @throws {TypeError|RangeError} If it is no address. {SystemError} `ENAMETOOLONG`, if the kernel would cut the path off.
 */
export function checkAddress(address: unknown, act: 'listen' | 'connect'): Address {
  if (typeof address === 'string') return checkPath(address, act);
  if (typeof address !== 'object' || address === null)
    throw new TypeError(`Cannot ${act}: the address must be a path or { host, port }, received ${String(address)}`);
  const { host = LOOPBACK, port = act === 'listen' ? 0 : undefined } = address as { host?: unknown; port?: unknown };
  if (typeof host !== 'string' || host === '')
    throw new TypeError(`Cannot ${act}: the host of the address must be a string that is not empty, received ${String(host)}`);
  if (typeof port !== 'number')
    throw new TypeError(`Cannot ${act}: the port of the address must be a number, received ${String(port)}`);
  if (!Number.isInteger(port) || port < (act === 'listen' ? 0 : 1) || port > 65_535)
    throw new RangeError(`Cannot ${act}: the port of the address must be from 0 to 65535, received ${port}`);
  return { host, port };
}

/** The places that an address means, in the order in which to try them. @throws {SystemError} If there is no such host. */
export async function placesOf(address: Address): Promise<SocketPlace[]> {
  const numeric = numericPlace(address);
  if (numeric !== undefined) return [numeric];
  const { host, port } = address as { host: string; port: number };
  const { hostAddresses } = await import('./host-lookup.js');
  return (await hostAddresses(host)).map((found) => ({ host: found, port }));
}

/** The place of an address that needs no look-up. */
export function numericPlace(address: Address): SocketPlace | undefined {
  if (typeof address === 'string') return { path: address };
  const { host, port } = address;
  if (host === 'localhost') return { host: LOOPBACK, port };
  return host.includes(':') || /^[\d.]+$/.test(host) ? { host, port } : undefined;
}

/** The address of a place. */
export function addressOf(place: SocketPlace): Address {
  return 'path' in place ? place.path : { host: place.host, port: place.port };
}

/** Whether only this machine can be there. */
export function isLocal(place: SocketPlace): boolean {
  return 'path' in place || place.host === '::1' || place.host.startsWith('127.') || place.host.startsWith('::ffff:127.');
}

/** How errors name it. */
export function addressText(address: Address): string {
  return nameOf(typeof address === 'string' ? { path: address } : address);
}

function checkPath(path: string, act: string): string {
  if (path === '') throw new TypeError(`Cannot ${act}: the address must be a path or { host, port }, received ''`);
  if (path.startsWith('\\\\'))
    throw new TypeError(`Cannot ${act}: named pipes are those of Windows; give a path or { host, port }, received '${path}'`);
  if (path.includes('\0', 1)) throw new TypeError(`Cannot ${act}: the path has a NUL in it, received ${JSON.stringify(path)}`);
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_MAX_BYTES) {
    const failure = { code: 'ENAMETOOLONG', errno: 36, syscall: act === 'listen' ? 'bind' : 'connect' };
    throw new SystemError(
      `Cannot ${act}: the path of a socket has at most ${PATH_MAX_BYTES} bytes, received ${bytes}: '${path}'`,
      failure,
    );
  }
  return path;
}

const LOOPBACK = '127.0.0.1';
/** `sun_path` has 108 bytes, one of them for the end. */
export const PATH_MAX_BYTES = 107;
