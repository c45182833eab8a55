/**
 * What a connection needs of the way its messages take: shared memory, or a socket.
 *
 * Runs in every process. Types only.
 */
import type { Wait } from '../substrate/wait-limit.js';
import type { Received } from './item.js';

/** A message as it arrived: a value, or bytes that `sendBytes` sent. */
export type Arrival = { readonly loading?: undefined; readonly bytes: Uint8Array } | Received;

/** A message that can be sent. */
export interface Outgoing {
  /** Bytes that it takes on its way. */
  readonly size: number;
  /** Whether its receiver may have to import modules before it can read it. */
  readonly defines?: boolean;
  /** Gives up what encoding it did, if it is not sent. */
  drop(): void;
}

/** One end of a connection. Ends are errors: `ChannelClosedError` where the peer is gone, `ClosedError` after `close()`. */
export interface Transport<M extends Outgoing = Outgoing> {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly closed: boolean;
  /**
   * Whether the other end is of this family: the way is memory that both inherited at their start. Nobody else may have
   * code sent, or name places in shared memory.
   */
  readonly ofFamily: boolean;
  /** Writes a value down. @throws {SerializationError|MessageTooLargeError} */
  encode(value: unknown): M;
  /** Takes bytes as a message. @throws {MessageTooLargeError} */
  encodeBytes(bytes: Uint8Array): M;
  /** Undefined: it is on its way already. */
  send(message: M): Promise<void> | undefined;
  sendSync(message: M): void;
  receive(wait: Wait | undefined): Promise<Arrival>;
  receiveSync(timeoutMs: number | undefined): Arrival;
  /** Whether a message, or the end, is there. */
  isReady(): boolean;
  /** Resolves when a message, or the end, is there. */
  whenReady(wait: Wait | undefined): Promise<void>;
  whenReadySync(timeoutMs: number | undefined): void;
  close(): void;
}
