/**
 * Messages of managers over a socket: data, and proxies of this one manager. Nothing of it is evaluated, imported, or
 * opened in shared memory.
 *
 * Runs in clients and servers. A message is bytes to the connection; it is written and read here, since only here it is
 * known which manager the proxies in it belong to.
 *
 * ```text
 * client → server   [call, object, method, args]     a call; number 0: nobody waits for an answer
 * server → client   [call, kind, payload?]           the answer; answers come in any order
 * either way        [-1, …]                          several of them, one after the other
 * a proxy           varint object, u8 form, string type
 * ```
 */
import type { Arrival, Outgoing, Transport } from '../channel/transport.js';
import { DeserializationError, ProtocolError } from '../errors.js';
import { decodeValue, encodeValue, registerExtension } from '../wire/codec.js';
import type { Encoded, WireExtension } from '../wire/codec-types.js';
import { decodeFailure, encodeFailure, type Origin } from '../wire/remote-error.js';
import { type Courier, type PlainRequest, renamed, type TakeReply } from './courier.js';
import { BATCH, DEFINED, FAILED } from './protocol.js';

/** What of a proxy is sent. */
export interface ProxyName {
  readonly object: number;
  readonly form: number;
  readonly typeId: string;
}

/** What the proxies in the messages of one connection stand for. */
export interface ProxyNames {
  /** How to send a proxy; undefined: it is another manager's, or no proxy. */
  nameOf(value: object): ProxyName | undefined;
  /** A message that names the object is written. Returns how to undo it if the message is given up. */
  sent(object: number): () => void;
  /** The proxy for a name that arrived. @throws {ProtocolError} If there can be none. */
  proxyOf(name: ProxyName): object;
}

export class SocketCourier implements Courier {
  readonly transport: Transport;
  readonly #names: ProxyNames;

  constructor(transport: Transport, names: ProxyNames) {
    registerExtension(proxyExtension);
    this.transport = transport;
    this.#names = names;
  }

  request({ call, object, method, args }: PlainRequest): Outgoing {
    try {
      return this.#bytesOf(this.#within(() => encodeValue([call, object, method, args], 'value', DATA_OUT)));
    } catch (error) {
      throw renamed(error, 'value[3]', 'args');
    }
  }

  result(call: number, kind: number, value: unknown): Outgoing {
    try {
      return this.#bytesOf(this.#within(() => encodeValue([call, kind, value], 'value', DATA_OUT)));
    } catch (error) {
      throw renamed(error, 'value[2]', 'result');
    }
  }

  requests(calls: readonly unknown[]): Outgoing {
    return this.#bytesOf(encodeValue(calls, 'value', DATA_OUT));
  }

  results(answers: readonly unknown[]): Outgoing {
    return this.#bytesOf(encodeValue(answers, 'value', DATA_OUT));
  }

  failure(call: number, error: unknown, origin: Origin): Outgoing {
    const { buffer, start, end } = this.#within(() => encodeFailure(error, origin, DATA_OUT));
    return this.#bytesOf(encodeValue([call, FAILED, buffer.subarray(start, end)], 'value', DATA_OUT));
  }

  readRequests(arrival: Arrival, take: (request: PlainRequest) => void): undefined {
    const message = this.#read(arrival);
    const first = firstOf(message, 4);
    for (let at = first; at < message.length; at += 4) {
      const [call, object, method, args] = message.slice(at, at + 4);
      if (!isNumber(call) || !isNumber(object)) throw malformed();
      if (typeof method !== 'string' || method.length > METHOD_MAX || !Array.isArray(args)) throw malformed();
      take({ call, object, method, args });
    }
  }

  readReplies(arrival: Arrival, take: TakeReply): void {
    const message = this.#read(arrival);
    const first = firstOf(message, 3);
    for (let at = first; at < message.length; at += 3) {
      const [call, kind, payload] = message.slice(at, at + 3);
      if (!isNumber(call) || !isNumber(kind) || kind === DEFINED) throw malformed();
      if (kind !== FAILED) take(call, kind, { value: payload });
      else if (payload instanceof Uint8Array)
        take(call, kind, { error: this.#within(() => decodeFailure(payload, 0, payload.length, DATA_IN)) });
      else throw malformed();
    }
  }

  #bytesOf({ buffer, start, end }: Encoded): Outgoing {
    return this.transport.encodeBytes(buffer.subarray(start, end));
  }

  /** @throws {DeserializationError|ProtocolError} */
  #read(arrival: Arrival): readonly unknown[] {
    if (!('bytes' in arrival)) throw malformed();
    const { bytes } = arrival;
    const message = this.#within(() => decodeValue(bytes, 0, bytes.length, DATA_IN));
    if (!Array.isArray(message)) throw malformed();
    return message;
  }

  /** Writing and reading never wait: nothing else is written or read meanwhile. */
  #within<T>(act: () => T): T {
    const before = current;
    current = this.#names;
    try {
      return act();
    } finally {
      current = before;
    }
  }
}

const proxyExtension: WireExtension = {
  tag: 9,
  name: 'proxy of a manager over a socket',
  first: true,
  matches: (value) => current?.nameOf(value) !== undefined,
  encode(value, out) {
    const names = current as ProxyNames; // it matched
    const { object, form, typeId } = names.nameOf(value) as ProxyName;
    out.hold(value, names.sent(object));
    out.varint(object);
    out.u8(form);
    out.string(typeId);
  },
  decode(input) {
    if (current === undefined) throw new DeserializationError('Cannot read a proxy of a manager: it came from somewhere else');
    const proxy = current.proxyOf({ object: input.varint(), form: input.u8(), typeId: input.string() });
    input.register(proxy);
    return proxy;
  },
};

/** Of the connection whose message is being written or read. */
let current: ProxyNames | undefined;

/** Where the first part of a message begins; there are parts of `places` each. @throws {ProtocolError} If there are none. */
function firstOf(message: readonly unknown[], places: number): number {
  const first = message[0] === BATCH ? 1 : 0;
  const isWhole = first === 0 ? message.length === places : message.length > 1 && (message.length - 1) % places === 0;
  if (!isWhole) throw malformed();
  return first;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(): ProtocolError {
  return new ProtocolError('Cannot read a message of a manager: it is none');
}

const allow = (extension: WireExtension): boolean => extension === proxyExtension;
const DATA_OUT = { allow, receiverLimits: {} };
const DATA_IN = { allow, limits: {} };
const METHOD_MAX = 256;
