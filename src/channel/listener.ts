/**
 * Listening for connections of other processes, also on other machines.
 *
 * Runs in every process and thread. Who connects proves its key in the background (`admission.ts`): `accept` sees only
 * those who did, and waits on whatever the others do.
 */
import { ClosedError, InvalidStateError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { SocketHandle, type SocketPlace } from '../substrate/socket-handle.js';
import type { Wait } from '../substrate/wait-limit.js';
import { type Address, addressOf, addressText, checkAddress, isLocal, placesOf } from './address.js';
import { Admission, type Admitted, type SecureListener } from './admission.js';
import type { Connection } from './connection.js';
import {
  assertOptions,
  type CheckedOptions,
  checkKeyOffLoopback,
  checkOptions,
  type ConnectionOptions,
  type TlsOptions,
} from './connection-options.js';
import { socketConnection } from './socket-sharing.js';
import { dropFolderOf, newSocketPath, SocketFile } from './listener-place.js';
import { checkListenerTls } from './tls-check.js';
import { WaitLine } from './wait-line.js';

export interface ListenerOptions extends ConnectionOptions {
  /**
   * A path for a Unix socket, or a host (default 127.0.0.1) and a port (default a free one). Default a path in a new folder
   * that only this user can enter.
   */
  address?: string | { readonly host?: string | undefined; readonly port?: number | undefined } | undefined;
  /** How many connections may wait for `accept`. Default 128. */
  backlog?: number | undefined;
  /** Encrypts; needs `key` and `cert`. */
  tls?: TlsOptions | undefined;
  /** Called for each client that was refused: with the reason, and where it came from. */
  onRefused?: ((reason: Error, from: Address | undefined) => void) | undefined;
}

/** Counts of a listener. */
export interface ListenerStats {
  /** Connections that `accept` gave. */
  readonly accepted: number;
  /** Clients that were turned away: wrong key, no answer in time, another user, no TLS. */
  readonly refused: number;
  /** Clients that are proving their keys now. */
  readonly pending: number;
}

/**
 * Accepts connections of clients: of ours, or in bytes (`sendBytes`, `recvBytes`) of Python's.
 *
 * - With `authKey` or `tls` a client has 5 s to prove itself, in 256 bytes; at most 64 do so at a time, one more turns the
 *   oldest away. Whatever a client does, `accept` neither rejects nor is held up.
 * - A socket at a path can be used by this user only.
 * - Close it: it keeps no event loop alive, but its path is there until then.
 *
 * @python `multiprocessing.connection.Listener`; it listens after `listen()`, and `accept` never raises for a bad client.
 */
export class Listener implements Disposable {
  static {
    // Not the key.
    showAs(Listener, (listener) => ({ address: listener.#address, closed: listener.closed || undefined, ...listener.stats() }));
  }

  readonly #wanted: Address | undefined;
  readonly #backlog: number;
  readonly #options: CheckedOptions;
  readonly #onRefused: ListenerOptions['onRefused'];
  readonly #line: WaitLine = new WaitLine((size) => (size > 0 ? this.#handle?.hold() : this.#handle?.release()));
  #state: 'new' | 'starting' | 'listening' | 'closed' = 'new';
  #handle: SocketHandle | undefined;
  #admission: Admission | undefined;
  #file: SocketFile | undefined;
  #address: Address | undefined;
  #lastAccepted: Address | null = null;
  #accepted = 0;

  /** @throws {TypeError|RangeError} If an option is none. {SystemError} `ENAMETOOLONG`, if the path is too long. */
  constructor(options: ListenerOptions = {}) {
    assertOptions(options, 'listen');
    const { address, backlog = BACKLOG, onRefused } = options;
    this.#wanted = address === undefined ? undefined : checkAddress(address, 'listen');
    if (typeof backlog !== 'number') throw new TypeError(`Cannot listen: backlog must be a number, received ${String(backlog)}`);
    if (!Number.isInteger(backlog) || backlog < 1 || backlog > BACKLOG_MAX)
      throw new RangeError(`Cannot listen: backlog must be an integer from 1 to ${BACKLOG_MAX}, received ${backlog}`);
    if (onRefused !== undefined && typeof onRefused !== 'function')
      throw new TypeError(`Cannot listen: onRefused must be a function, received ${String(onRefused)}`);
    this.#backlog = backlog;
    this.#onRefused = onRefused;
    this.#options = checkOptions(options, 'listen');
  }

  /**
   * Begins to listen; clients can connect from now on.
   *
   * @throws {SystemError} If the address cannot be had: `EADDRINUSE`, `EACCES`. {InvalidStateError} The second time.
   * @throws {RangeError} If `authKey` has less than 16 bytes and others than this machine can connect.
   */
  async listen(): Promise<this> {
    if (this.#state === 'closed') throw closedError('listen');
    if (this.#state !== 'new') throw new InvalidStateError('Cannot listen: the listener listens already');
    this.#state = 'starting';
    try {
      await this.#start();
    } catch (error) {
      if (this.#state === 'starting') this.#state = 'new';
      throw error;
    }
    return this;
  }

  /**
   * Waits for the next client that has proved its key.
   *
   * @throws {ClosedError} After `close()`. {TimeoutError} If none came in time. {InvalidStateError} Before `listen()`.
   * @throws {ResourceExhaustedError} If there are no file descriptors left; the next call tries again.
   */
  async accept<T = unknown>(wait?: Wait): Promise<Connection<T>> {
    this.#assertListening('accept');
    const { transport, from } = await this.#line.wait(this.#next, wait, 'accept: no client came');
    this.#lastAccepted = from ?? '';
    this.#accepted++;
    return socketConnection<T>(transport);
  }

  /** Where it listens; the path, or the host and the port that was taken. @throws {InvalidStateError} Before `listen()`. */
  get address(): Address {
    if (this.#address === undefined) throw new InvalidStateError('Cannot tell the address: the listener does not listen yet');
    return this.#address;
  }

  /** Where the last accepted client came from; `''` for a path; null before the first one. */
  get lastAccepted(): Address | null {
    return this.#lastAccepted;
  }

  /** Whether this listener is closed. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  stats(): ListenerStats {
    const { refused = 0, pending = 0 } = this.#admission ?? {};
    return { accepted: this.#accepted, refused, pending };
  }

  /** Ends it, and removes the path. What was accepted stays open; who waits to be is turned away. A second call changes nothing. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#file?.remove();
    this.#line.pump();
    this.#admission?.close();
    this.#handle?.close();
  }

  /** Accepts until it is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    while (!this.closed) {
      let connection: Connection;
      try {
        connection = await this.accept();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
      yield connection;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal For `waitReady`: whether `accept` would give a connection at once. */
  static isReady(listener: Listener): boolean {
    listener.#assertListening('wait');
    return listener.#admission?.isReady() === true;
  }

  /** @internal For `waitReady`. */
  static async whenReady(listener: Listener, wait: Wait): Promise<void> {
    await listener.#line.wait(() => Listener.isReady(listener) || undefined, wait, 'wait: no client came');
  }

  async #start(): Promise<void> {
    const { tls, authKey } = this.#options;
    if (tls !== undefined) checkListenerTls(tls);
    const secure = tls === undefined ? undefined : await import('./tls-channel.js');
    const path = this.#wanted === undefined ? newSocketPath() : undefined;
    try {
      const [place] = path === undefined ? await placesOf(this.#wanted as Address) : [{ path }];
      if (this.#state !== 'starting') throw closedError('listen');
      if (place === undefined)
        throw new TypeError(`Cannot listen at ${addressText(this.#wanted as Address)}: the host has no address`);
      if (!isLocal(place)) checkKeyOffLoopback(authKey, addressText(addressOf(place)), 'listen');
      this.#open(place, path !== undefined, secure?.secureListener);
    } catch (error) {
      if (path !== undefined && this.#file === undefined) dropFolderOf(path);
      throw error;
    }
  }

  #open(place: SocketPlace, ownFolder: boolean, secure: SecureListener | undefined): void {
    const handle = SocketHandle.listen(place, this.#backlog);
    try {
      if ('path' in place && !place.path.startsWith('\0')) this.#file = new SocketFile(place.path, ownFolder);
      this.#address = addressOf('path' in place ? place : handle.place('own'));
      this.#admission = new Admission({
        handle,
        options: this.#options,
        backlog: this.#backlog,
        secure,
        onRefused: this.#onRefused,
        changed: () => this.#line.pump(),
      });
      handle.onReady(() => {
        this.#admission?.look();
        this.#line.pump();
      });
    } catch (error) {
      this.#file?.remove();
      handle.close();
      throw error;
    }
    this.#handle = handle;
    this.#state = 'listening';
  }

  readonly #next = (): Admitted | undefined => {
    this.#assertListening('accept');
    return this.#admission?.take();
  };

  #assertListening(act: string): void {
    if (this.#state === 'closed') throw closedError(act);
    if (this.#state !== 'listening')
      throw new InvalidStateError(`Cannot ${act}: the listener does not listen yet; await listen()`);
  }
}

function closedError(act: string): ClosedError {
  return new ClosedError(`Cannot ${act}: the listener is closed`);
}

const BACKLOG = 128;
const BACKLOG_MAX = 65_535;
