/**
 * Connections over TLS that blocking code can use, too: node's TLS lives in an event loop, so a thread of its own runs it
 * (`tls-relay-main.ts`) and relays the bytes over a pair of local sockets, of which this thread reads and writes one.
 *
 * Runs in clients. There is one such thread for each thread that has such connections, from the first of them to the end
 * of the last. It keeps no event loop alive. It knows no keys of ours: these are proved by whoever reads and writes.
 *
 * Who may die at which step: if the relay ends, so do its sockets, which is the end of the connection at both sides. A
 * request that it did not take any more leaves the descriptors here, where they are closed (`taken` decides whose they
 * are). This process waits at its end, for a moment, until what it wrote is on its way; if it is killed, that may be lost.
 */
import { Buffer } from 'node:buffer';
import type { Worker } from 'node:worker_threads';
import { AuthenticationError, ChannelClosedError, InvalidStateError, TimeoutError } from '../errors.js';
import { fileBeside, fileOfPackage } from '../native/own-files.js';
import { now } from '../substrate/clock.js';
import { catchUp } from '../substrate/put-off.js';
import { SocketHandle } from '../substrate/socket-handle.js';
import type { Address } from './address.js';
import type { CheckedOptions, TlsOptions } from './connection-options.js';
import { SocketTransport } from './socket-transport.js';
import { ENDED, GIVEN_UP, REPLY_MAX, type RelayReply, type RelayRequest, UNTAKEN } from './tls-relay-protocol.js';
import { checkTls } from './tls-check.js';
import type { Arrival } from './transport.js';

/** A stream that TLS protects. */
export interface Secured {
  readonly transport: SocketTransport;
  /** What only the two ends of this very stream know. */
  readonly binding: Uint8Array;
}

/**
 * Secures a connected socket, which is taken over.
 *
 * @param deadline On the clock of `now()`.
 * @throws {AuthenticationError} If the listener's certificate is refused. {TimeoutError} {ChannelClosedError} If the relay ended.
 */
export async function secureByRelay(
  handle: SocketHandle,
  address: Address,
  options: CheckedOptions,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Secured> {
  const attempt = new Attempt(handle, address, options, deadline);
  try {
    return attempt.secured(await attempt.transport.receive({ timeout: attempt.left, signal }));
  } catch (error) {
    throw attempt.failed(error);
  }
}

/** As `secureByRelay`, but blocks this thread. */
export function secureByRelaySync(handle: SocketHandle, address: Address, options: CheckedOptions, deadline: number): Secured {
  const attempt = new Attempt(handle, address, options, deadline);
  try {
    return attempt.secured(attempt.receiveSync());
  } catch (error) {
    throw attempt.failed(error);
  }
}

/** The thread that relays for this one. */
class Relay {
  readonly users = new Int32Array(new SharedArrayBuffer(4));
  /** A process that forked has none of its parent's threads. */
  readonly #pid = process.pid;
  readonly #worker: Worker;
  readonly #attempts = new Set<Attempt>();
  readonly #ends = new Set<WeakRef<SocketHandle>>();
  #gone = false;

  constructor() {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    // Nothing of the user's runs in it: neither the modules of flags nor those of NODE_OPTIONS.
    this.#worker = new Worker(entryFile(), { workerData: this.users, execArgv: [], env: {}, name: 'multiproc TLS' });
    this.#worker.unref();
    this.#worker.on('error', NOTHING); // the end of its sockets says so
    this.#worker.once('exit', () => this.#end());
  }

  /** Counts one more user; false: it ends, or has ended. */
  enter(): boolean {
    for (;;) {
      const count = Atomics.load(this.users, 0);
      if (count === ENDED || this.#gone || this.#pid !== process.pid) return false;
      if (Atomics.compareExchange(this.users, 0, count, count + 1) === count) return true;
    }
  }

  ask(request: RelayRequest, attempt: Attempt, end: SocketHandle): void {
    this.#attempts.add(attempt);
    for (const each of this.#ends) if (each.deref()?.closed !== false) this.#ends.delete(each);
    this.#ends.add(new WeakRef(end));
    this.#worker.postMessage(request);
  }

  settled(attempt: Attempt): void {
    this.#attempts.delete(attempt);
  }

  /** It does not answer: the next connection gets another one. */
  abandon(): void {
    this.#gone = true;
    void this.#worker.terminate();
  }

  /** Waits until what this process wrote is on its way. */
  drain(): void {
    if (this.#gone || this.#pid !== process.pid) return;
    for (const each of this.#ends) {
      const end = each.deref();
      if (end?.closed === false) end.shutdown();
    }
    const deadline = now() + DRAIN_MS;
    for (let count = Atomics.load(this.users, 0); count > 0; count = Atomics.load(this.users, 0)) {
      const left = deadline - now();
      if (left <= 0) return;
      Atomics.wait(this.users, 0, count, left);
    }
  }

  #end(): void {
    this.#gone = true;
    for (const attempt of this.#attempts) attempt.takeBack();
    this.#attempts.clear();
  }
}

/** One connection that is being secured. */
class Attempt {
  readonly transport: SocketTransport;
  readonly #relay: Relay;
  readonly #options: TlsOptions;
  readonly #deadline: number;
  readonly #timeoutMs: number;
  readonly #taken = new Int32Array(new SharedArrayBuffer(4));
  readonly #descriptors: readonly number[];

  constructor(handle: SocketHandle, address: Address, options: CheckedOptions, deadline: number) {
    this.#deadline = deadline;
    this.#timeoutMs = this.left;
    const host = typeof address === 'string' ? undefined : address.host;
    // Whatever throws does so while the descriptors are ours.
    const asked = { taken: this.#taken, host, ...portable(options.tls ?? {}) };
    this.#options = asked.options;
    const [end, other] = SocketHandle.pair();
    try {
      this.#relay = enteredRelay();
    } catch (error) {
      for (const each of [end, other]) each.close();
      throw error;
    }
    this.transport = new SocketTransport(end, { ...options, isRelayed: true });
    this.transport.limitReceived(REPLY_MAX);
    const [remote, local] = [handle.detach(), other.detach()];
    this.#descriptors = [remote, local];
    this.#relay.ask({ ...asked, remote, local }, this, end);
  }

  /** Time, in milliseconds. */
  get left(): number {
    return Math.max(0, this.#deadline - now());
  }

  receiveSync(): Arrival {
    try {
      return this.transport.receiveSync(Math.min(this.left, START_MS));
    } catch (error) {
      if (!(error instanceof TimeoutError) || this.left === 0) throw error;
      if (Atomics.load(this.#taken, 0) === UNTAKEN) {
        this.#relay.abandon();
        throw new ChannelClosedError(NO_RELAY);
      }
      return this.transport.receiveSync(Number.isFinite(this.left) ? this.left : undefined);
    }
  }

  /** @throws {AuthenticationError} */
  secured(arrival: Arrival): Secured {
    const reply = JSON.parse(new TextDecoder().decode((arrival as { bytes: Uint8Array }).bytes)) as RelayReply;
    this.#relay.settled(this);
    this.transport.limitReceived(undefined);
    if ('binding' in reply) return { transport: this.transport, binding: Buffer.from(reply.binding, 'hex') };
    const { refused, message, code } = reply;
    const cause = Object.assign(new Error(message), code === undefined ? {} : { code });
    if (refused) throw refusedByTls(cause, 'connect');
    checkTls(this.#options, 'connect');
    throw cause;
  }

  /** Gives it up; the error is what the caller throws. */
  failed(error: unknown): unknown {
    this.#relay.settled(this);
    this.transport.close();
    this.takeBack();
    if (error instanceof TimeoutError)
      return new TimeoutError(`Cannot connect: the listener does not speak TLS in time after ${Math.round(this.#timeoutMs)} ms`);
    if (error instanceof ChannelClosedError) return new ChannelClosedError(NO_RELAY);
    return error;
  }

  /** Closes the descriptors, if they are ours still. */
  takeBack(): void {
    if (Atomics.compareExchange(this.#taken, 0, UNTAKEN, GIVEN_UP) !== UNTAKEN) return;
    for (const each of this.#descriptors) new SocketHandle(each).close();
  }
}

/** What a certificate that is refused, or a peer that does not speak TLS, is to the user. */
export function refusedByTls(cause: Error, act: string): AuthenticationError {
  const { code } = cause as { code?: string };
  return new AuthenticationError(`Cannot ${act}: TLS failed (${code ?? cause.message})`, { cause });
}

/** The thread's, or a fresh one, with one more user. @throws {InvalidStateError} If none can be started. */
function enteredRelay(): Relay {
  if (relay?.enter() === true) return relay;
  try {
    relay = new Relay();
  } catch (cause) {
    throw new InvalidStateError('Cannot connect: blocking code needs a thread that runs TLS, and none can be started', { cause });
  }
  relay.enter();
  if (!listens) process.on('exit', drain);
  listens = true;
  return relay;
}

function drain(): void {
  catchUp();
  relay?.drain();
}

/** What another thread needs to do as this one would. @throws {TypeError} If an option is no data. */
function portable(options: TlsOptions): Pick<RelayRequest, 'options' | 'defaults'> {
  const tls = process.getBuiltinModule('node:tls');
  const { DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE, DEFAULT_MAX_VERSION, DEFAULT_MIN_VERSION } = tls;
  const rejectUnauthorized = options.rejectUnauthorized ?? process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0';
  try {
    return {
      options: structuredClone({ ...options, rejectUnauthorized }),
      defaults: { DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE, DEFAULT_MAX_VERSION, DEFAULT_MIN_VERSION },
    };
  } catch (cause) {
    throw new TypeError('Cannot connect: for blocking code tls must be keys, certificates and settings, no functions', { cause });
  }
}

/** Beside this code in the package, or in the package when this code is in somebody's bundle. */
function entryFile(): string {
  const name = 'tls-relay-entry.cjs';
  return fileBeside(import.meta.url, `./${name}`) ?? fileOfPackage(`dist/bundle/${name}`);
}

let relay: Relay | undefined;
let listens = false;
const NO_RELAY = 'Cannot connect: the thread that runs TLS has ended, or does not start';
const NOTHING = (): void => undefined;
/** How long a thread that blocks waits for the relay to take its request. */
const START_MS = 10_000;
const DRAIN_MS = 500;
