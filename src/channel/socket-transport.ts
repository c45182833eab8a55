/**
 * One end of a connection over a socket.
 *
 * Runs in every process. What comes is data and nothing else: nothing of it is evaluated, imported, or opened in shared
 * memory; but for parcels (`parcel.ts`) between processes of one family. A stream that ends or breaks, also by the other end's death, is the end of the connection.
 */
import { ChannelClosedError, ClosedError, ProtocolError, SerializationError, TimeoutError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { SocketHandle } from '../substrate/socket-handle.js';
import type { Wait } from '../substrate/wait-limit.js';
import { decodeValue } from '../wire/codec.js';
import type { ByteChannel } from './byte-channel.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { HALF_MESSAGE_MS, HalfMessage } from './half-message.js';
import { Handovers } from './handovers.js';
import { readMessage, registerParcels } from './parcel.js';
import { frameBytes, frameParcel, frameValue, type SocketMessage, Writing } from './socket-message.js';
import { SharedReader } from './shared-reader.js';
import { SharedSocket } from './shared-socket.js';
import type { Arrival, Transport } from './transport.js';
import type { Turns } from './turns.js';
import { WaitLine } from './wait-line.js';

/** What a connection over a socket can be told beside what all can. */
export interface SocketTransportOptions {
  /** Longest message in bytes, both ways. */
  readonly maxMessageBytes: number;
  /** Whether the socket leads to a thread of this process only, which speaks TLS with the other end. */
  readonly isRelayed?: boolean;
}

export class SocketTransport implements Transport<SocketMessage> {
  readonly ofFamily = false;
  readonly readable = true;
  readonly writable = true;
  readonly #channel: ByteChannel;
  readonly #reader: FrameReader;
  readonly #half: HalfMessage;
  readonly #receivers: WaitLine;
  readonly #senders: WaitLine;
  readonly #isRelayed: boolean;
  /** Of a socket that may lead to another process of the family. */
  readonly #handovers: Handovers | undefined;
  #maxBytes: number;
  /** Set where the other end takes bytes only: why. */
  #bytesOnly: string | undefined;
  #readsValues = true;
  #listens = false;
  #closed = false;
  #broken: ChannelClosedError | undefined;
  /** Set where other processes have this end, too. */
  #shared: SharedSocket | undefined;
  #sharedReader: SharedReader | undefined;
  /** Called once it is closed. */
  onClose: () => void = NOTHING;

  constructor(channel: ByteChannel, { maxMessageBytes, isRelayed = false }: SocketTransportOptions) {
    this.#channel = channel;
    this.#isRelayed = isRelayed;
    this.#maxBytes = maxMessageBytes;
    this.#reader = new FrameReader(channel, maxMessageBytes);
    this.#half = new HalfMessage(this.#reader, this.#pump);
    if (!isRelayed && channel instanceof SocketHandle && channel.isLocal) {
      registerParcels();
      this.#handovers = new Handovers(channel);
    }
    this.#receivers = new WaitLine((size) => {
      this.#held(size, this.#senders);
      if (size === 0) this.#shared?.receiving.giveUp();
    });
    this.#senders = new WaitLine((size) => {
      this.#held(size, this.#receivers);
      if (size === 0) this.#shared?.sending.giveUp();
      if (!this.#closed) this.#channel.wantWritable(size > 0);
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get channel(): ByteChannel {
    return this.#channel;
  }

  /** Takes nothing but messages of so many bytes, sent by `sendBytes`: no value is read from who is not known yet. */
  limitReceived(bytes: number | undefined): void {
    this.#reader.limit = bytes ?? this.#maxBytes;
    this.#readsValues = bytes === undefined;
  }

  /** Has `encode` refuse all values. @param reason Completes "Cannot send value: …". */
  refuseValues(reason: string): void {
    this.#bytesOnly = reason;
  }

  /**
   * Has other processes have this end, too.
   *
   * @throws {TypeError} If it cannot be shared: why. {SystemError} If its descriptor cannot be kept.
   */
  share(): SharedSocket {
    if (this.#isRelayed || !(this.#channel instanceof SocketHandle))
      throw new TypeError('it is a connection over TLS, which only this process can read');
    const rest = this.#reader.readExactly(this.#channel);
    const options = { maxMessageBytes: this.#maxBytes, bytesOnly: this.#bytesOnly !== undefined };
    const shared = SharedSocket.share(this.#channel, options, rest);
    if (this.#reader.isLost) {
      shared.receiving.take();
      shared.receiving.break();
    }
    if (this.#senders.size > 0) {
      shared.sending.take();
      shared.sending.begin();
    }
    this.takePart(shared);
    return shared;
  }

  /** From now on others have this end, too. */
  takePart(shared: SharedSocket): void {
    this.#shared = shared;
    this.#sharedReader = new SharedReader(shared, this.#reader, this.#channel, this.#pump);
  }

  encode(value: unknown): SocketMessage {
    if (this.#bytesOnly !== undefined) throw new SerializationError(`Cannot send value: ${this.#bytesOnly}`, { path: 'value' });
    try {
      return frameValue(value, this.#maxBytes);
    } catch (error) {
      if (!(error instanceof SerializationError) || this.#handovers?.leadToFamily !== true) throw error;
      return frameParcel(value, this.#maxBytes);
    }
  }

  encodeBytes(bytes: Uint8Array): SocketMessage {
    return frameBytes(bytes, this.#maxBytes);
  }

  send(message: SocketMessage): Promise<void> {
    const writing = new Writing(message, this.#channel);
    let started = false;
    const attempt = (): true | undefined => {
      this.#assertSending();
      if (!this.#maySend((turns) => turns.takeOrAsk(this.#pump))) {
        if (!started) writing.own();
        started = true;
        return undefined;
      }
      const done = this.#advance(writing);
      if (!done && !started) writing.own();
      started = true;
      return done || undefined;
    };
    if (this.#senders.size > 0) writing.own();
    const written = this.#senders.wait(attempt, undefined, 'send').then(NOTHING);
    return message.parcel === undefined || this.#handovers === undefined
      ? written
      : this.#handovers.hand(message.parcel, written);
  }

  sendSync(message: SocketMessage): void {
    try {
      this.#writeSync(message);
      if (message.parcel !== undefined) this.#handovers?.handSync(message.parcel);
    } catch (error) {
      message.drop();
      throw error;
    }
  }

  #writeSync(message: SocketMessage): void {
    while (this.#senders.size > 0) {
      this.#channel.waitSync('writable', HALF_MESSAGE_MS);
      this.#senders.pump();
    }
    const writing = new Writing(message, this.#channel);
    for (;;) {
      this.#assertSending();
      if (!this.#maySend((turns) => turns.takeSync(TURN_SLICE_MS))) continue;
      if (this.#advance(writing)) return;
      this.#channel.waitSync('writable', HALF_MESSAGE_MS);
    }
  }

  receive(wait: Wait | undefined): Promise<Arrival> {
    const receiving = this.#receivers.wait(this.#tryReceive, wait, 'receive: no message came');
    if (this.#reader.isWithin) this.#watchHalf();
    return receiving;
  }

  receiveSync(timeoutMs: number | undefined): Arrival {
    if (timeoutMs !== undefined || this.#shared !== undefined)
      return this.#block(this.#tryReceive, timeoutMs, 'receive: no message came');
    let beganAt: number | undefined;
    for (;;) {
      const arrival = this.#tryReceive(true);
      if (arrival !== undefined) return arrival;
      beganAt = this.#half.assertMoving(beganAt);
    }
  }

  isReady(): boolean {
    return this.#hasSome() === true;
  }

  async whenReady(wait: Wait | undefined): Promise<void> {
    await this.#receivers.wait(this.#hasSome, wait, 'poll: no message came');
  }

  whenReadySync(timeoutMs: number | undefined): void {
    this.#block(this.#hasSome, timeoutMs, 'poll: no message came');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#half.stop();
    for (const line of [this.#senders, this.#receivers]) line.pump();
    if (this.#shared?.sending.close() === true && this.#channel instanceof SocketHandle) this.#channel.shutdown();
    this.#shared?.receiving.close();
    const end = () => this.#channel.close();
    if (this.#handovers === undefined) end();
    else this.#handovers.close(end);
    this.onClose();
  }

  /** True when all of it is written. */
  #advance(writing: Writing): boolean {
    const turns = this.#shared?.sending;
    try {
      turns?.begin();
      const done = writing.advance();
      if (done) turns?.finish();
      return done;
    } catch (cause) {
      turns?.break();
      this.#broken = new ChannelClosedError('Cannot send: the other end of the connection is closed, or its process ended', {
        cause,
      });
      throw this.#broken;
    }
  }

  #assertSending(): void {
    if (this.#closed) throw new ClosedError('Cannot send: the connection is closed in this process');
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Whether it is this thread's turn to send. */
  #maySend(take: (turns: Turns) => boolean): boolean {
    if (this.#shared === undefined) return true;
    try {
      return take(this.#shared.sending);
    } catch (error) {
      if (this.#channel instanceof SocketHandle) this.#channel.shutdown(); // so that the other end sees that no more comes
      throw error;
    }
  }

  readonly #tryReceive = (wait = false): Arrival | undefined => {
    if (this.#closed) throw new ClosedError('Cannot receive: the connection is closed in this process');
    const frame = this.#sharedReader === undefined ? this.#reader.next(wait) : this.#sharedReader.next();
    if (frame === undefined) return undefined;
    if (frame.isValue && !this.#readsValues) {
      this.#reader.fail(new ProtocolError('Cannot receive: the other end sent a value before it was known'));
      this.#reader.next();
    }
    return arrivalOf(frame, this.#handovers !== undefined);
  };

  readonly #hasSome = (): true | undefined => {
    if (this.#closed) throw new ClosedError('Cannot poll: the connection is closed in this process');
    return (this.#sharedReader ?? this.#reader).isReady() || undefined;
  };

  #block<T>(attempt: () => T | undefined, timeoutMs: number | undefined, what: string): T {
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : now() + timeoutMs;
    let beganAt: number | undefined;
    for (;;) {
      const got = attempt();
      if (got !== undefined) return got;
      const left = deadline - now();
      if (left <= 0) throw new TimeoutError(`Cannot ${what} within ${timeoutMs} ms`);
      if (this.#sharedReader?.waitForTurn(Math.min(left, TURN_SLICE_MS)) !== false) this.#channel.waitSync('readable', left);
      beganAt = this.#half.assertMoving(beganAt);
    }
  }

  /** A line began to be waited in, or is empty again. */
  #held(size: number, other: WaitLine): void {
    if (other.size > 0 || this.#closed) return;
    if (size === 0) {
      this.#channel.release();
      return;
    }
    if (!this.#listens) {
      this.#listens = true;
      this.#channel.onReady(this.#pump);
    }
    this.#channel.hold();
  }

  readonly #pump = (): void => {
    this.#senders.pump();
    this.#receivers.pump();
    this.#watchHalf();
  };

  #watchHalf(): void {
    this.#half.watch(!this.#closed && this.#receivers.size > 0);
  }
}

/** @param isLocal Whether it may be of the family. */
function arrivalOf({ isValue, buffer, start, end, owned }: Frame, isLocal: boolean): Arrival {
  if (isValue && isLocal) return { value: readMessage(buffer, start, end, owned) };
  if (isValue) return { value: decodeValue(buffer, start, end, { owned, allow: () => false, limits: {} }) };
  return { bytes: owned && start === 0 && end === buffer.length ? buffer : buffer.slice(start, end) };
}

const NOTHING = (): void => undefined;
const TURN_SLICE_MS = 100;
