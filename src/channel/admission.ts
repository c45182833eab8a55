/**
 * How clients of a listener become connections: each proves itself in the background, off the way of the others.
 *
 * Runs in the process that listens. Nothing that a client sends, or does not send, throws out of here: such a client is
 * closed and counted. What nobody waits for is taken from the kernel no faster than it is accepted.
 */
import { ProcessError, ProtocolError, SystemError } from '../errors.js';
import { now } from '../substrate/clock.js';
import type { SocketHandle } from '../substrate/socket-handle.js';
import { type Address, addressOf } from './address.js';
import { assertSameUser, heedPeer } from './client.js';
import type { CheckedOptions, TlsOptions } from './connection-options.js';
import { listenerDialog } from './handshake.js';
import { runDialog } from './handshake-drivers.js';
import { SocketTransport } from './socket-transport.js';
import type { PendingTls } from './tls-channel.js';

/** A client that may talk. */
export interface Admitted {
  readonly transport: SocketTransport;
  /** Undefined for one without an address. */
  readonly from: Address | undefined;
}

export interface AdmissionOptions {
  readonly handle: SocketHandle;
  readonly options: CheckedOptions;
  /** How many that proved themselves may wait. */
  readonly backlog: number;
  readonly secure: SecureListener | undefined;
  readonly onRefused: ((reason: Error, from: Address | undefined) => void) | undefined;
  /** Called when one more may be taken. */
  readonly changed: () => void;
}

/** Makes the listener's end of TLS. */
export type SecureListener = (handle: SocketHandle, options: TlsOptions, timeoutMs: number) => PendingTls;

/** A client that is proving itself. */
interface Candidate {
  readonly from: Address | undefined;
  close(): void;
}

export class Admission {
  readonly #given: AdmissionOptions;
  readonly #isOpen: boolean;
  readonly #ready: Admitted[] = [];
  readonly #candidates = new Set<Candidate>();
  #refused = 0;
  #closed = false;
  #trouble: SystemError | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(given: AdmissionOptions) {
    this.#given = given;
    this.#isOpen = given.options.authKey === undefined && given.options.tls === undefined;
  }

  get refused(): number {
    return this.#refused;
  }

  get pending(): number {
    return this.#candidates.size;
  }

  /** Lets in who knocks, as far as there is room. */
  look(): void {
    const { backlog } = this.#given;
    const room = () => this.#ready.length < (this.#isOpen ? 1 : backlog);
    while (!this.#closed && room()) {
      const handle = this.#accept();
      if (handle === undefined) return;
      this.#meet(handle);
    }
  }

  /** The next connection, if there is one. @throws {ResourceExhaustedError} If there were no file descriptors for it. */
  take(): Admitted | undefined {
    if (this.#ready.length === 0) this.look();
    const next = this.#ready.shift();
    if (next !== undefined) {
      if (!this.#isOpen) this.look();
      return next;
    }
    const trouble = this.#trouble;
    this.#trouble = undefined;
    if (trouble !== undefined) throw trouble;
    return undefined;
  }

  isReady(): boolean {
    if (this.#ready.length === 0) this.look();
    return this.#ready.length > 0;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const each of this.#candidates) each.close();
    for (const { transport } of this.#ready.splice(0)) transport.close();
  }

  #accept(): SocketHandle | undefined {
    try {
      return this.#given.handle.accept();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#trouble = error;
      this.#retryLater(); // the kernel tells only once that somebody knocks
      return undefined;
    }
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.look();
      this.#given.changed();
    }, EXHAUSTED_RETRY_MS);
    this.#retry.unref();
  }

  #meet(handle: SocketHandle): void {
    let from: Address | undefined;
    try {
      const place = handle.place('peer');
      if ('path' in place) assertSameUser(handle, 'accept a connection');
      else from = addressOf(place);
    } catch (error) {
      handle.close();
      this.#refuse(error, from);
      return;
    }
    if (this.#isOpen) {
      this.#ready.push({ transport: new SocketTransport(handle, this.#given.options), from });
      return;
    }
    if (this.#candidates.size >= CANDIDATES_MAX) this.#dropOldest();
    void this.#examine(handle, from);
  }

  /** Never rejects. */
  async #examine(handle: SocketHandle, from: Address | undefined): Promise<void> {
    const { options, secure } = this.#given;
    const { authKey, legacyAuth, tls } = options;
    const deadline = now() + HANDSHAKE_MS;
    const candidate = { from, close: () => handle.close() };
    this.#candidates.add(candidate);
    try {
      let channel: ConstructorParameters<typeof SocketTransport>[0] = handle;
      let binding: Uint8Array | undefined;
      if (tls !== undefined && secure !== undefined) {
        const pending = secure(handle, tls, HANDSHAKE_MS);
        candidate.close = pending.close;
        const secured = await pending.channel;
        channel = secured;
        binding = secured.binding;
      }
      const transport = new SocketTransport(channel, options);
      candidate.close = () => transport.close();
      if (authKey !== undefined)
        heedPeer(transport, await runDialog(listenerDialog({ authKey, legacyAuth, binding }), transport, deadline));
      this.#candidates.delete(candidate);
      if (this.#closed) transport.close();
      else this.#ready.push({ transport, from });
    } catch (error) {
      this.#candidates.delete(candidate);
      candidate.close();
      if (!this.#closed) this.#refuse(error, from);
    }
    if (!this.#closed) this.#given.changed();
  }

  #dropOldest(): void {
    for (const oldest of this.#candidates) {
      this.#candidates.delete(oldest);
      oldest.close();
      return;
    }
  }

  #refuse(reason: unknown, from: Address | undefined): void {
    this.#refused++;
    const { onRefused } = this.#given;
    if (onRefused === undefined) return;
    const error = reason instanceof ProcessError ? reason : new ProtocolError('Cannot accept a connection', { cause: reason });
    // What the user's function throws is the user's; no client may bring it about in the middle of our work.
    queueMicrotask(() => onRefused(error, from));
  }
}

const HANDSHAKE_MS = 5_000;
const CANDIDATES_MAX = 64;
const EXHAUSTED_RETRY_MS = 100;
