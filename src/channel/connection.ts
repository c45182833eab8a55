/**
 * One end of a connection between two processes or threads.
 *
 * Runs in every process and thread; the same class over shared memory (`pipe.ts`) and over sockets.
 */
import { Buffer } from 'node:buffer';
import {
  BufferTooShortError,
  ChannelClosedError,
  ClosedError,
  DeserializationError,
  InvalidStateError,
  MessageTooLargeError,
  TimeoutError,
} from '../errors.js';
import { addLender } from '../sharing/lenders.js';
import { showAs } from '../sharing/inspection.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { netLender } from './net-lender.js';
import type { Arrival, Transport } from './transport.js';

/**
 * Sends and receives messages: values of any kind that travels, or plain bytes.
 *
 * - Messages arrive whole and in their order, also from several senders at once, whatever their size.
 * - When the last holder of the other end has closed it, or died, what was sent can still be received; then
 *   `recv` rejects with `ChannelClosedError` and iteration ends.
 * - It may be sent to another process: both have it then, and the end is open until both have closed it.
 *
 * @python `multiprocessing.connection.Connection`; `EOFError` and `BrokenPipeError` are `ChannelClosedError`.
 */
export class Connection<T = unknown> implements Disposable {
  static {
    addLender(netLender);
    showAs(Connection, ({ readable, writable, closed }) => (closed ? { closed } : { readable, writable }));
  }

  readonly #transport: Transport;

  /** @internal Connections are made by `Pipe()`, `Client()` and `Listener.accept()`. */
  constructor(transport: Transport) {
    if (typeof transport !== 'object' || transport === null)
      throw new TypeError('Cannot construct a connection: Pipe(), Client() and Listener.accept() make them');
    this.#transport = transport;
  }

  /** Whether this process has closed it. */
  get closed(): boolean {
    return this.#transport.closed;
  }

  /** Whether it can receive. */
  get readable(): boolean {
    return this.#transport.readable;
  }

  /** Whether it can send. */
  get writable(): boolean {
    return this.#transport.writable;
  }

  /**
   * Sends a value. It is written at once, so it may change afterwards; the promise resolves when it is on its way,
   * or, over a socket and with shared objects in it, when it was received.
   *
   * @throws {SerializationError} If it cannot be sent. {MessageTooLargeError} If it is too large.
   * @throws {ChannelClosedError} If the other end is gone. {ClosedError} After `close()`.
   */
  async send(value: T): Promise<void> {
    this.#assert('send');
    const sending = this.#transport.send(this.#transport.encode(value));
    if (sending !== undefined) await sending;
  }

  /** As `send`, but blocks this thread. */
  sendSync(value: T): void {
    this.#assert('send');
    this.#transport.sendSync(this.#transport.encode(value));
  }

  /**
   * Receives a value; waits for one.
   *
   * @throws {ChannelClosedError} If there is nothing more and the other end is gone. {TimeoutError} If none came in time.
   * @throws {DeserializationError} If it cannot be read here, or was sent by `sendBytes`.
   */
  async recv(wait?: Wait): Promise<T> {
    this.#assert('receive');
    const arrival = this.#nextLate() ?? (await this.#transport.receive(wait));
    if (arrival.loading !== undefined) {
      await arrival.loading;
      return arrival.read() as T;
    }
    return valueOf(arrival) as T;
  }

  /** As `recv`, but blocks this thread. */
  recvSync(wait?: Wait): T {
    this.#assert('receive');
    const arrival = this.#nextLate() ?? this.#transport.receiveSync(blockingLimit(wait));
    if (arrival.loading === undefined) return valueOf(arrival) as T;
    if (this.#loaded.has(arrival)) return arrival.read() as T;
    this.#late.unshift(arrival);
    void arrival.loading.then(() => this.#loaded.add(arrival));
    throw new DeserializationError(
      'Cannot receive: the message needs a module that is imported only now, for which a blocking call cannot wait; use recv(), which gives this message next',
    );
  }

  /**
   * Sends bytes as one message.
   *
   * @param offset Where they begin in `bytes`. Default 0.
   * @param size How many. Default all from there on.
   * @throws {RangeError} If that is not within `bytes`.
   */
  async sendBytes(bytes: Uint8Array, offset?: number, size?: number): Promise<void> {
    this.#assert('send');
    await this.#transport.send(this.#transport.encodeBytes(part(bytes, offset, size)));
  }

  /** As `sendBytes`, but blocks this thread. */
  sendBytesSync(bytes: Uint8Array, offset?: number, size?: number): void {
    this.#assert('send');
    this.#transport.sendSync(this.#transport.encodeBytes(part(bytes, offset, size)));
  }

  /**
   * Receives the bytes of a message.
   *
   * @param maxLength The most it may have; a longer one is taken and lost. Default no limit.
   * @throws {MessageTooLargeError} If it was longer; the connection stays usable.
   */
  async recvBytes(maxLength?: number, wait?: Wait): Promise<Uint8Array> {
    checkLength(maxLength);
    this.#assert('receive');
    return within(bytesOf(await this.#transport.receive(wait)), maxLength);
  }

  /** As `recvBytes`, but blocks this thread. */
  recvBytesSync(maxLength?: number, wait?: Wait): Uint8Array {
    checkLength(maxLength);
    this.#assert('receive');
    return within(bytesOf(this.#transport.receiveSync(blockingLimit(wait))), maxLength);
  }

  /**
   * Receives the bytes of a message into memory of the caller.
   *
   * @param offset Where in `into` to put them. Default 0.
   * @returns How many there were.
   * @throws {BufferTooShortError} If there is no room; its `bytes` are the message.
   */
  async recvBytesInto(into: Uint8Array, offset = 0): Promise<number> {
    part(into, offset, undefined, 'receive into a buffer: it');
    this.#assert('receive');
    const bytes = bytesOf(await this.#transport.receive(undefined));
    if (bytes.length > into.length - offset)
      throw new BufferTooShortError(
        `Cannot receive: the message has ${bytes.length} bytes, the buffer has room for ${into.length - offset}`,
        bytes,
      );
    into.set(bytes, offset);
    return bytes.length;
  }

  /** Whether a message, or the end, is there, or comes in time. Without a limit it does not wait. */
  async poll(wait: Wait = 0): Promise<boolean> {
    this.#assert('poll');
    if (this.#late.length > 0 || this.#transport.isReady()) return true;
    const { timeout } = waitOptions(wait);
    if (timeout === 0) return false;
    try {
      await this.#transport.whenReady(wait);
      return true;
    } catch (error) {
      if (error instanceof TimeoutError) return false;
      throw error;
    }
  }

  /** As `poll`, but blocks this thread. */
  pollSync(wait: Wait = 0): boolean {
    this.#assert('poll');
    const timeout = blockingLimit(wait);
    if (this.#late.length > 0 || this.#transport.isReady()) return true;
    try {
      this.#transport.whenReadySync(timeout);
      return true;
    } catch (error) {
      if (error instanceof TimeoutError) return false;
      throw error;
    }
  }

  /** Closes this end here; pending calls reject with `ClosedError`. A second call changes nothing. */
  close(): void {
    this.#transport.close();
  }

  /** Receives values until the other end is gone. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.recv();
      } catch (error) {
        if (error instanceof ChannelClosedError) return;
        throw error;
      }
      yield value;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal For `waitReady`. */
  static transportOf(connection: Connection): Transport {
    return connection.#transport;
  }

  /** Messages taken by blocking calls whose modules have to be imported first. */
  readonly #late: Arrival[] = [];
  readonly #loaded = new WeakSet<Arrival>();

  #nextLate(): Arrival | undefined {
    return this.#late.length === 0 ? undefined : this.#late.shift();
  }

  #assert(act: 'send' | 'receive' | 'poll'): void {
    if (this.closed) throw new ClosedError(`Cannot ${act}: the connection is closed in this process`);
    if (act === 'send' ? !this.writable : !this.readable)
      throw new InvalidStateError(`Cannot ${act}: this end of the connection can only ${act === 'send' ? 'receive' : 'send'}`);
  }
}

function valueOf(arrival: Arrival): unknown {
  if ('value' in arrival) return arrival.value;
  throw new DeserializationError(
    'bytes' in arrival && isChallenge(arrival.bytes)
      ? 'Cannot receive a value: the other end asks for an authKey, of which Client() was given none'
      : 'Cannot receive a value: the message was sent by sendBytes(); use recvBytes()',
  );
}

function isChallenge(bytes: Uint8Array): boolean {
  return bytes.length < 256 && Buffer.from(bytes).toString('latin1').startsWith('#CHALLENGE#');
}

function bytesOf(arrival: Arrival): Uint8Array {
  if ('bytes' in arrival) return arrival.bytes;
  throw new DeserializationError('Cannot receive bytes: the message is a value; use recv()');
}

function within(bytes: Uint8Array, maxLength: number | undefined): Uint8Array {
  if (maxLength === undefined || bytes.length <= maxLength) return bytes;
  throw new MessageTooLargeError(`Cannot receive: the message has ${bytes.length} bytes, the limit of this call is ${maxLength}`);
}

function checkLength(maxLength: number | undefined): void {
  if (maxLength === undefined || (Number.isInteger(maxLength) && maxLength >= 0)) return;
  const Refusal = typeof maxLength === 'number' ? RangeError : TypeError;
  throw new Refusal(`Cannot receive: maxLength must be an integer of at least 0 bytes, received ${String(maxLength)}`);
}

function part(bytes: Uint8Array, offset = 0, size: number = bytes.length - offset, what = 'send bytes: they'): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`Cannot ${what} must be a Uint8Array, received ${String(bytes)}`);
  for (const [name, number] of [
    ['offset', offset],
    ['size', size],
  ] as const) {
    if (!Number.isInteger(number))
      throw new TypeError(`Cannot use part of a buffer: ${name} must be an integer, received ${String(number)}`);
    if (number < 0 || offset + Math.max(0, size) > bytes.length)
      throw new RangeError(
        `Cannot use part of a buffer of ${bytes.length} bytes: offset ${offset} and size ${size} are not within it`,
      );
  }
  return bytes.subarray(offset, offset + size);
}

function blockingLimit(wait: Wait | undefined): number | undefined {
  const { timeout, signal } = waitOptions(wait);
  signal?.throwIfAborted();
  return timeout;
}
