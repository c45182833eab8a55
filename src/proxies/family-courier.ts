/**
 * Messages of managers within a family: everything travels, also functions, classes and shared objects.
 *
 * Runs in clients and servers. A value that needs definitions is packed into bytes of its own: its message can then be
 * read, and its call be known, before the modules are imported that the value needs. To load a definition is to run
 * code of whoever sent it, so this courier takes no connection but those over memory that its ends inherited.
 *
 * ```text
 * client → server   [call, object, method, args]            a call; number 0: nobody waits for an answer
 *                   [call, object, method, bytes, bodies]   the same, with packed arguments
 * server → client   [call, kind, payload, bodies?]          the answer; answers come in any order
 * either way        [-1, …]                                 several of them without bodies, one after the other
 * ```
 */
import { withRequired } from '../channel/item.js';
import type { Arrival, Outgoing, Transport } from '../channel/transport.js';
import { ProtocolError } from '../errors.js';
import { decodeValue, encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { loadDefinition } from '../wire/definitions.js';
import { decodeFailure, encodeFailure, type Origin } from '../wire/remote-error.js';
import {
  type Courier,
  type IncomingRequest,
  type Later,
  type Outcome,
  type PlainRequest,
  renamed,
  type TakeReply,
} from './courier.js';
import { BATCH, DEFINED, FAILED } from './protocol.js';

type Request = readonly [
  call: number,
  object: number,
  method: string,
  args: readonly unknown[] | Uint8Array,
  bodies?: readonly Uint8Array[],
];
type Reply = readonly [call: number, kind: number, payload?: unknown, bodies?: readonly Uint8Array[]];

export class FamilyCourier implements Courier {
  readonly transport: Transport;

  /** @throws {ProtocolError} If the other end may be of another family. */
  constructor(transport: Transport) {
    assertFamily(transport);
    this.transport = transport;
  }

  request({ call, object, method, args }: PlainRequest): Outgoing {
    try {
      const message = this.transport.encode([call, object, method, args] satisfies Request);
      if (message.defines !== true) return message;
      message.drop();
      const { bytes, bodies } = packed(encodeValue(args, 'args', IN_FLIGHT));
      return this.transport.encode([call, object, method, bytes, bodies] satisfies Request);
    } catch (error) {
      throw renamed(error, 'value[3]', 'args');
    }
  }

  result(call: number, kind: number, value: unknown): Outgoing {
    try {
      const message = this.transport.encode([call, kind, value] satisfies Reply);
      if (message.defines !== true) return message;
      message.drop();
      const { bytes, bodies } = packed(encodeValue(value, 'result', IN_FLIGHT));
      return this.transport.encode([call, DEFINED, bytes, bodies] satisfies Reply);
    } catch (error) {
      throw renamed(error, 'value[2]', 'result');
    }
  }

  requests(calls: readonly unknown[]): Outgoing {
    return this.transport.encode(calls);
  }

  results(answers: readonly unknown[]): Outgoing {
    return this.transport.encode(answers);
  }

  failure(call: number, error: unknown, origin: Origin): Outgoing {
    const { bytes, bodies } = packed(encodeFailure(error, origin, IN_FLIGHT));
    return this.transport.encode([call, FAILED, bytes, bodies] satisfies Reply);
  }

  readRequests(arrival: Arrival, take: (request: IncomingRequest) => void): Promise<void> | undefined {
    const message = valueOf(arrival);
    if (message[0] !== BATCH) return this.#readRequest(message as unknown as Request, take);
    for (let at = 1; at < message.length; at += 4) {
      const [call, object, method, args] = [message[at], message[at + 1], message[at + 2], message[at + 3]];
      take({ call, object, method, args } as PlainRequest);
    }
    return undefined;
  }

  readReplies(arrival: Arrival, take: TakeReply): void {
    const message = valueOf(arrival);
    if (message[0] === BATCH) {
      for (let at = 1; at < message.length; at += 3)
        take(message[at] as number, message[at + 1] as number, { value: message[at + 2] });
      return;
    }
    const [call, kind, payload, bodies] = message as unknown as Reply;
    if (kind !== FAILED && kind !== DEFINED) {
      take(call, kind, { value: payload });
      return;
    }
    const read = () => (kind === FAILED ? failureOf(payload as Uint8Array) : unpack(payload as Uint8Array));
    take(call, kind, later(loadBodies(this.transport, bodies ?? []), read) ?? read());
  }

  #readRequest([call, object, method, args, bodies]: Request, take: (request: IncomingRequest) => void) {
    if (bodies === undefined) {
      take({ call, object, method, args: args as readonly unknown[] });
      return undefined;
    }
    const read = () => {
      const outcome = unpack(args as Uint8Array);
      take('error' in outcome ? { call, error: outcome.error } : { call, object, method, args: outcome.value as unknown[] });
    };
    const loading = loadBodies(this.transport, bodies);
    if (loading !== undefined) return loading.then(read, read);
    read();
    return undefined;
  }
}

/** Loads definitions; the promise settles when their modules are there, undefined: they are. */
function loadBodies(transport: Transport, bodies: readonly Uint8Array[]): Promise<unknown> | undefined {
  assertFamily(transport);
  const loading = bodies.flatMap((body) => loadDefinition(body) ?? []);
  return loading.length === 0 ? undefined : Promise.all(loading);
}

/** @throws {ProtocolError} If what it brings must not be run. */
function assertFamily(transport: Transport): void {
  if (transport.ofFamily !== true)
    throw new ProtocolError('Cannot take functions from this connection: its other end may be of another family');
}

function later<T>(loading: Promise<unknown> | undefined, read: () => T): Later<T> | undefined {
  return loading === undefined ? undefined : { loading, read };
}

/** Bytes of a value, and the bodies of the definitions to load before. */
function packed({ buffer, start, end, definitions }: Encoded): { bytes: Uint8Array; bodies: Uint8Array[] } {
  return { bytes: buffer.subarray(start, end), bodies: withRequired(definitions).map(({ body }) => body) };
}

function unpack(bytes: Uint8Array): Outcome {
  try {
    return { value: decodeValue(bytes, 0, bytes.length, IN_FLIGHT) };
  } catch (error) {
    return { error };
  }
}

function failureOf(bytes: Uint8Array): Outcome {
  return { error: decodeFailure(bytes, 0, bytes.length, IN_FLIGHT) };
}

function valueOf(arrival: Arrival): readonly unknown[] {
  if ('value' in arrival) return arrival.value as readonly unknown[];
  throw new ProtocolError('Cannot read a message of a manager: it is none');
}

/** A packed value is read once. */
const IN_FLIGHT = { inFlight: true } as const;
