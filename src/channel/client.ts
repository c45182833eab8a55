/**
 * Connecting to a listener.
 *
 * Runs in every process and thread.
 */
import { getuid } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthenticationError, SystemError, TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { type SocketPlace, SocketHandle } from '../substrate/socket-handle.js';
import { waitOptions } from '../substrate/wait-limit.js';
import { type Address, addressText, checkAddress, isLocal, numericPlace, placesOf } from './address.js';
import type { Connection } from './connection.js';
import {
  assertOptions,
  type CheckedOptions,
  checkKeyOffLoopback,
  checkOptions,
  type ConnectionOptions,
  type TlsOptions,
} from './connection-options.js';
import { clientDialog, type Peer } from './handshake.js';
import { runDialog, runDialogSync } from './handshake-drivers.js';
import { socketConnection } from './socket-sharing.js';
import { SocketTransport } from './socket-transport.js';
import { secureByRelay, secureByRelaySync } from './tls-relay.js';
import { WaitLine } from './wait-line.js';

export interface ClientOptions extends ConnectionOptions {
  /** Encrypts, and checks the listener's certificate. */
  tls?: TlsOptions | undefined;
  /** For all of it, in milliseconds: look-up, connecting, proving keys. Default 30 000; `Infinity`: no limit. */
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Connects to a `Listener` of ours, or in bytes (`sendBytes`, `recvBytes`) to one of Python.
 *
 * - It resolves when both ends have proved their keys.
 * - Values that are sent are data: no functions, no instances of classes; shared objects only to a process of this family, over a
 *   Unix socket.
 *
 * @param address The path of a Unix socket, or `{ host, port }`.
 * @throws {AuthenticationError} If the listener has another key. {TimeoutError} If it took too long.
 * @throws {SystemError} If nobody listens there (`ECONNREFUSED`, `ENOENT`). {TypeError|RangeError} If an option is none.
 * @python `multiprocessing.connection.Client`
 */
export function Client<T = unknown>(address: Address, options: ClientOptions = {}): Promise<Connection<T>> {
  return connect<T>(address, options, secureHere);
}

/** As `Client`, but blocking code may use the connection over TLS, too: its TLS runs in a thread, if that can be. */
export function ClientForAll<T = unknown>(address: Address, options: ClientOptions = {}): Promise<Connection<T>> {
  return connect<T>(address, options, secureForAll);
}

/**
 * As `Client`, but blocks this thread. To numeric addresses, `localhost` and paths only.
 *
 * - Over TLS, blocking code may use the connection: a thread runs TLS for it.
 *
 * @throws {TypeError} If the host has to be looked up first, which only `Client` can.
 */
export function ClientSync<T = unknown>(address: Address, options: Omit<ClientOptions, 'signal'> = {}): Connection<T> {
  const target = checkAddress(address, 'connect');
  assertOptions(options, 'connect');
  const checked = checkOptions(options, 'connect');
  const place = numericPlace(target);
  if (place === undefined)
    throw new TypeError(`Cannot connect: a blocking call cannot look a host up, received ${addressText(target)}; use Client()`);
  const { timeout = TIMEOUT_MS } = waitOptions({ timeout: options.timeout });
  const deadline = now() + timeout;
  const handle = connectSync(place, deadline);
  let transport: SocketTransport | undefined;
  try {
    prepare(handle, place, checked);
    const secured = checked.tls === undefined ? undefined : secureByRelaySync(handle, target, checked, deadline);
    transport = secured?.transport ?? new SocketTransport(handle, checked);
    const { authKey, legacyAuth } = checked;
    const dialog = { authKey, legacyAuth, binding: secured?.binding };
    if (isKeyed(dialog)) heedPeer(transport, runDialogSync(clientDialog(dialog), transport, deadline));
    return socketConnection<T>(transport);
  } catch (error) {
    (transport ?? handle).close();
    throw error;
  }
}

/** Python takes bytes only. */
export function heedPeer(transport: SocketTransport, peer: Peer): void {
  if (peer === 'python') transport.refuseValues('the other end is Python, which cannot read our values; use sendBytes()');
}

/** @throws {AuthenticationError} If the other end of a socket with a path is of another user. */
export function assertSameUser(handle: SocketHandle, act: string): void {
  const user = handle.peerUser();
  if (user !== 0 && user !== getuid?.())
    throw new AuthenticationError(`Cannot ${act}: the process at the other end belongs to another user, received uid ${user}`);
}

async function connect<T>(address: Address, options: ClientOptions, secure: Secure): Promise<Connection<T>> {
  const target = checkAddress(address, 'connect');
  assertOptions(options, 'connect');
  const checked = checkOptions(options, 'connect');
  const { timeout = TIMEOUT_MS, signal } = waitOptions({ timeout: options.timeout, signal: options.signal });
  signal?.throwIfAborted();
  const deadline = now() + timeout;
  const { handle, place } = await connectAny(await placesOf(target), target, deadline, signal);
  let transport: SocketTransport | undefined;
  try {
    prepare(handle, place, checked);
    const secured = checked.tls === undefined ? undefined : await secure(handle, target, checked, deadline, signal);
    transport = secured?.transport ?? new SocketTransport(handle, checked);
    const { authKey, legacyAuth } = checked;
    const dialog = { authKey, legacyAuth, binding: secured?.binding };
    if (isKeyed(dialog)) heedPeer(transport, await runDialog(clientDialog(dialog), transport, deadline, signal));
    return socketConnection<T>(transport);
  } catch (error) {
    (transport ?? handle).close();
    throw error;
  }
}

type Secure = typeof secureByRelay;

/** In this thread's event loop. */
const secureHere: Secure = async (handle, address, options, deadline, signal) => {
  const { secureClient } = await import('./tls-channel.js');
  const channel = await secureClient(handle, address, options.tls ?? {}, deadline - now(), signal);
  return { transport: new SocketTransport(channel, options), binding: channel.binding };
};

/** In a thread; where none can be had, or an option is a function, here. */
const secureForAll: Secure = async (handle, address, options, deadline, signal) => {
  try {
    return await secureByRelay(handle, address, options, deadline, signal);
  } catch (error) {
    if (handle.closed) throw error; // it was tried
    return secureHere(handle, address, options, deadline, signal);
  }
};

function isKeyed<O extends { authKey: Uint8Array | undefined }>(options: O): options is O & { authKey: Uint8Array } {
  return options.authKey !== undefined;
}

function prepare(handle: SocketHandle, place: SocketPlace, { authKey }: CheckedOptions): void {
  if ('path' in place) assertSameUser(handle, 'connect');
  else if (!isLocal(place)) checkKeyOffLoopback(authKey, place.host, 'connect');
}

async function connectAny(places: readonly SocketPlace[], address: Address, deadline: number, signal: AbortSignal | undefined) {
  let failure: unknown;
  for (const place of places) {
    try {
      return { place, handle: await connectTo(place, address, deadline, signal) };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

async function connectTo(
  place: SocketPlace,
  address: Address,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<SocketHandle> {
  for (;;) {
    const handle = tryConnect(place);
    if (handle === undefined) {
      // The kernel tells nobody when a listener that has too many waiting has room again.
      if (now() >= deadline) throw busy(address);
      await sleep(BUSY_RETRY_MS, undefined, { signal });
      continue;
    }
    try {
      const line = new WaitLine((size) => (size > 0 ? handle.hold() : handle.release()));
      handle.onReady(() => line.pump());
      handle.wantWritable(true);
      const limits = { timeout: Math.max(0, deadline - now()), signal };
      await line.wait(
        () => handle.waitSync('writable', 0) || undefined,
        limits,
        `connect to ${addressText(address)}: it did not answer`,
      );
      handle.assertConnected(place);
      handle.wantWritable(false);
      return handle;
    } catch (error) {
      handle.close();
      throw error;
    }
  }
}

function connectSync(place: SocketPlace, deadline: number): SocketHandle {
  for (;;) {
    const handle = tryConnect(place);
    if (handle === undefined) {
      const left = deadline - now();
      if (left <= 0) throw busy(place as Address);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(left, BUSY_RETRY_MS));
      continue;
    }
    try {
      for (let left = deadline - now(); !handle.waitSync('writable', Math.max(0, left)); left = deadline - now())
        if (left <= 0) throw new TimeoutError(`Cannot connect to ${addressText(place as Address)}: it did not answer in time`);
      handle.assertConnected(place);
      return handle;
    } catch (error) {
      handle.close();
      throw error;
    }
  }
}

/** Undefined: the listener has too many waiting. */
function tryConnect(place: SocketPlace): SocketHandle | undefined {
  try {
    return SocketHandle.connect(place);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EAGAIN' && 'path' in place) return undefined;
    throw error;
  }
}

function busy(address: Address): TimeoutError {
  return new TimeoutError(`Cannot connect to ${addressText(address)}: its listener has too many connections waiting`);
}

const TIMEOUT_MS = 30_000;
const BUSY_RETRY_MS = 10;
