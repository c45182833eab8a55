/**
 * How the messages of one connection between a client and a server of a manager are written and read.
 *
 * Runs in clients and servers. There are two: within a family (`family-courier.ts`), where functions and shared objects
 * travel, and over a socket (`socket-courier.ts`), where nothing but data and proxies of this manager does.
 */
import type { Arrival, Outgoing, Transport } from '../channel/transport.js';
import { SerializationError } from '../errors.js';
import type { Origin } from '../wire/remote-error.js';

/** A call as it is sent. */
export interface PlainRequest {
  readonly call: number;
  readonly object: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** A call as it arrived; `error`: its arguments cannot be read. */
export type IncomingRequest = PlainRequest | { readonly call: number; readonly error: unknown };

/** What came of a call. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Takes an answer as it arrived: what came of the call, or what must be loaded before that can be read. */
export type TakeReply = (call: number, kind: number, outcome: Outcome | Later<Outcome>) => void;

/** What can be read as soon as modules are imported. */
export interface Later<T> {
  readonly loading: Promise<unknown>;
  readonly read: () => T;
}

export interface Courier {
  readonly transport: Transport;
  /** @throws {SerializationError} If an argument cannot be sent; its path begins with `args`. */
  request(request: PlainRequest): Outgoing;
  /** @throws {SerializationError} If the value cannot be sent; its path begins with `result`. */
  result(call: number, kind: number, value: unknown): Outgoing;
  /** Of calls that have plain arguments only, one after the other: number, object, method, arguments. Never throws. */
  requests(calls: readonly unknown[]): Outgoing;
  /** Of plain results, one after the other: number, kind, result. Never throws. */
  results(answers: readonly unknown[]): Outgoing;
  /** Never throws. */
  failure(call: number, error: unknown, origin: Origin): Outgoing;
  /**
   * Gives `take` all requests of a message; returns what must be loaded before, if it must.
   *
   * @throws {ProtocolError} If they are none.
   */
  readRequests(arrival: Arrival, take: (request: IncomingRequest) => void): Promise<void> | undefined;
  /** Gives `take` all answers of a message. @throws {ProtocolError} If they are none. */
  readReplies(arrival: Arrival, take: TakeReply): void;
}

/** Whether a value is the same whenever it is written, and short: it may be sent a little later, together with others. */
export function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.length <= PLAIN_MAX_LENGTH;
    case 'number':
    case 'boolean':
    case 'undefined':
      return true;
    default:
      return value === null;
  }
}

/** Paths of what cannot be sent, as whoever wrote it sees it. @param from Its place in the message. @param to Its name. */
export function renamed(error: unknown, from: string, to: string): unknown {
  if (!(error instanceof SerializationError) || !error.path.startsWith(from)) return error;
  const path = `${to}${error.path.slice(from.length)}`;
  return new SerializationError(
    error.message.replace(error.path, () => path),
    { path, cause: error.cause },
  );
}

const PLAIN_MAX_LENGTH = 256;
