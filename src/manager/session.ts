/**
 * One client of a server: its connection, its calls, and what it holds.
 *
 * Runs in servers only. Calls of a client begin in their order; those that wait let the next ones begin. When the
 * connection ends, in whatever way, waits of the client end, its locks and permits are given back or poisoned, and what
 * it had taken and not received goes back.
 */
import { ChannelClosedError, ClosedError, SerializationError } from '../errors.js';
import type { Arrival, Transport } from '../channel/transport.js';
import { IN_FLIGHT, loadBodies, packed, packValue, unpackValue } from '../proxies/packed.js';
import { DEFINED, FAILED, NO_ANSWER, type Reply, type Request, RESULT, SELF, TAKEN } from '../proxies/protocol.js';
import { isEntered, isProcessAlive } from '../substrate/participants.js';
import { encodeFailure, type Origin } from '../wire/remote-error.js';
import { type CallContext, type Client, ClientEndedError, type Holder } from './call-context.js';

/** What came of a call. */
export type CallOutcome = { readonly kind: 'value' | 'self'; readonly value?: unknown } | { readonly error: unknown };

/** Who carries out what clients ask for. */
export interface Dispatcher {
  /** As whom errors are sent. */
  readonly origin: Origin;
  dispatch(session: Session, request: CallRequest): void;
  /** Nothing more comes from this client. */
  sessionEnded(session: Session): void;
}

/** A call with its arguments. */
export interface CallRequest {
  readonly call: number;
  readonly object: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What belongs to one call while it goes on. */
interface OpenCall {
  cancel?: ((error: Error) => void) | undefined;
  undo?: (() => void) | undefined;
}

export class Session implements Client {
  pid: number | undefined;
  readonly #transport: Transport;
  readonly #server: Dispatcher;
  readonly #open = new Map<number, OpenCall>();
  /** What calls took whose results the client has not confirmed, in their order. */
  readonly #unconfirmed = new Map<number, () => void>();
  readonly #holders = new Set<Holder>();
  #participant: number | undefined;
  #unnumbered = 0;
  #ended = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(transport: Transport, server: Dispatcher) {
    this.#transport = transport;
    this.#server = server;
  }

  /** Serves the client until its connection ends. Never rejects. */
  async serve(): Promise<void> {
    try {
      for (;;) await this.#takeSome(await this.#transport.receive(undefined));
    } catch (error) {
      if (!(error instanceof ClosedError)) process.emitWarning(error as Error);
    } finally {
      this.#end();
    }
  }

  /** Says who the client is, as far as it tells. */
  introduce(participant: unknown, pid: unknown): void {
    if (typeof pid === 'number') this.pid = pid;
    if (typeof participant === 'number') this.#participant = participant;
  }

  remember(holder: Holder): void {
    this.#holders.add(holder);
    this.#watchClient();
  }

  forget(holder: Holder): void {
    this.#holders.delete(holder);
  }

  assertAlive(): void {
    if (this.#ended) throw new ClientEndedError('the client is gone');
  }

  /** What a call that waits or takes something is told by. */
  contextOf(call: number): CallContext {
    const number = call === NO_ANSWER ? --this.#unnumbered : call;
    return {
      client: this,
      onCancel: (cancel) => {
        if (this.#ended) queueMicrotask(() => cancel(new ClientEndedError('the client is gone')));
        const open = this.#open.get(number) ?? {};
        open.cancel = cancel;
        this.#open.set(number, open);
        this.#watchClient();
        return () => (open.cancel = undefined);
      },
      onUndelivered: (undo) => {
        if (this.#ended) queueMicrotask(undo);
        else this.#unconfirmed.set(number, undo);
        this.#watchClient();
      },
    };
  }

  cancel(call: unknown): void {
    this.#open.get(call as number)?.cancel?.(new DOMException('The caller gave up', 'AbortError'));
  }

  /** The client has the result of a call. */
  confirm(call: unknown): void {
    this.#unconfirmed.delete(call as number);
  }

  /** Sends what came of a call. */
  answer(call: number, outcome: CallOutcome): void {
    this.#open.delete(call);
    if (this.#ended || call === NO_ANSWER) return;
    let reply: ReturnType<Transport['encode']>;
    try {
      reply = 'error' in outcome ? this.#failure(call, outcome.error) : this.#result(call, outcome);
    } catch (error) {
      this.#undo(call);
      reply = this.#failure(call, error);
    }
    this.#transport.send(reply).catch((error: unknown) => {
      if (!(error instanceof ChannelClosedError || error instanceof ClosedError)) process.emitWarning(error as Error);
    });
  }

  /** Ends the connection. */
  close(): void {
    this.#transport.close();
  }

  async #takeSome(first: Arrival): Promise<void> {
    await this.#take(first);
    for (let left = AT_ONCE; left > 0; left--) {
      if (!this.#transport.isReady()) return;
      const taken = this.#take(this.#transport.receiveSync(0));
      if (taken !== undefined) await taken;
    }
    await new Promise(setImmediate); // others have their turn
  }

  #take(arrival: Arrival): Promise<void> | undefined {
    if (arrival.loading !== undefined) return arrival.loading.then(() => this.#begin(arrival.read() as Request));
    if ('value' in arrival) return this.#begin(arrival.value as Request);
    return undefined;
  }

  #begin([call, object, method, args, bodies]: Request): Promise<void> | undefined {
    if (bodies === undefined) {
      this.#server.dispatch(this, { call, object, method, args: args as readonly unknown[] });
      return undefined;
    }
    const begin = () => this.#beginPacked({ call, object, method }, args as Uint8Array);
    const loading = loadBodies(bodies);
    if (loading !== undefined) return loading.then(begin, begin);
    begin();
    return undefined;
  }

  #beginPacked(request: Omit<CallRequest, 'args'>, bytes: Uint8Array): void {
    let args: readonly unknown[];
    try {
      args = unpackValue(bytes) as readonly unknown[];
    } catch (error) {
      this.answer(request.call, { error });
      return;
    }
    this.#server.dispatch(this, { ...request, args });
  }

  #result(call: number, outcome: { readonly kind: 'value' | 'self'; readonly value?: unknown }): ReturnType<Transport['encode']> {
    if (outcome.kind === 'self') return this.#transport.encode([call, SELF] satisfies Reply);
    const kind = this.#unconfirmed.has(call) ? TAKEN : RESULT;
    const { value } = outcome;
    try {
      const message = this.#transport.encode([call, kind, value] satisfies Reply);
      if (message.defines !== true) return message;
      message.drop();
      const { bytes, bodies } = packValue(value, 'result');
      return this.#transport.encode([call, DEFINED, bytes, bodies] satisfies Reply);
    } catch (error) {
      throw named(error);
    }
  }

  #failure(call: number, error: unknown): ReturnType<Transport['encode']> {
    const { bytes, bodies } = packed(encodeFailure(error, this.#server.origin, IN_FLIGHT));
    return this.#transport.encode([call, FAILED, bytes, bodies] satisfies Reply);
  }

  /** Nobody depends on the client's parent: while the client holds or waits for something, the server looks itself. */
  #watchClient(): void {
    const participant = this.#participant;
    if (participant === undefined || this.#ended) return;
    this.#watch ??= setTimeout(() => {
      this.#watch = undefined;
      if (!isEntered(participant) || !isProcessAlive(participant)) this.#transport.close();
      else if (this.#holders.size > 0 || this.#open.size > 0 || this.#unconfirmed.size > 0) this.#watchClient();
    }, LOOK_MS).unref();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watch);
    this.#transport.close();
    for (const { cancel } of this.#open.values()) cancel?.(new ClientEndedError('the client is gone'));
    for (const holder of this.#holders) holder.clientEnded(this);
    for (const call of [...this.#unconfirmed.keys()].reverse()) this.#undo(call);
    this.#server.sessionEnded(this);
  }

  #undo(call: number): void {
    const undo = this.#unconfirmed.get(call);
    this.#unconfirmed.delete(call);
    undo?.();
  }
}

/** Paths of what cannot be sent as whoever called sees it. */
function named(error: unknown): unknown {
  if (!(error instanceof SerializationError) || !error.path.startsWith(PAYLOAD)) return error;
  const path = `result${error.path.slice(PAYLOAD.length)}`;
  return new SerializationError(
    error.message.replace(error.path, () => path),
    { path, cause: error.cause },
  );
}

const PAYLOAD = 'value[2]';
/** Requests of one client that are taken before others have their turn. */
const AT_ONCE = 128;
const LOOK_MS = 100;
