/**
 * A client's connection to the server of a manager: one for each thread that uses the manager's objects.
 *
 * Runs in clients. Calls do not wait for one another; answers come in any order. A blocking call reads the answers of
 * the others too, and hands them on. While nothing is awaited the link keeps no event loop alive.
 *
 * Who may die at which step: the server's end is seen as the end of the connection as soon as its parent has found it
 * dead; so that nobody depends on that parent, who waits looks every 100 ms whether the process still is.
 */
import type { Arrival, Transport } from '../channel/transport.js';
import { ChannelClosedError, DeserializationError, ProtocolError, SerializationError, TimeoutError } from '../errors.js';
import { decodeFailure } from '../wire/remote-error.js';
import type { Caller, CallTarget } from './caller.js';
import { IN_FLIGHT, loadBodies, packValue, unpackValue } from './packed.js';
import { ACK, CANCEL, DEFINED, FAILED, NO_ANSWER, PING, type Reply, RESULT, SELF, SERVER, TAKEN } from './protocol.js';

/** What a link must know of its server. */
export interface ServerPlace {
  /** Why it cannot be called any more; undefined while it can. */
  whyEnded(act: string): Error | undefined;
  /** The error for a connection that ended. */
  died(act: string): Error;
}

interface PendingCall {
  readonly target: CallTarget;
  readonly act: string;
  settle(outcome: Outcome): void;
}

/** What came of a call. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

type PlainRequest = readonly [call: number, object: number, method: string, args: readonly unknown[]];

/** An outcome, or what it waits for. */
type Answer = Outcome | { readonly loading: Promise<unknown>; readonly read: () => Outcome };

export class ManagerLink implements Caller {
  readonly #transport: Transport;
  readonly #server: ServerPlace;
  readonly #pending = new Map<number, PendingCall>();
  #calls = 0;
  #reading = false;
  #watching = false;
  #ended: Error | undefined;

  constructor(transport: Transport, server: ServerPlace) {
    this.#transport = transport;
    this.#server = server;
  }

  /** Whether the server is gone: another link is of no use either. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  call(target: CallTarget, method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const call = this.#number();
      const onAbort = () => this.post(SERVER, CANCEL, [call]);
      const settle = (outcome: Outcome) => {
        signal?.removeEventListener('abort', onAbort);
        if ('value' in outcome) resolve(outcome.value);
        else reject((signal?.aborted === true && isAbort(outcome.error) ? signal.reason : outcome.error) as Error);
      };
      this.#send([call, target.object, method, args]);
      this.#pending.set(call, { target, act: method, settle });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#read();
    });
  }

  callSync(target: CallTarget, method: string, args: readonly unknown[]): unknown {
    const call = this.#number();
    this.#assertOpen(method);
    let outcome: Outcome | undefined;
    this.#pending.set(call, { target, act: method, settle: (settled) => (outcome = settled) });
    try {
      this.#transport.sendSync(this.#encode([call, target.object, method, args]));
      while (outcome === undefined) this.#receiveSync(call, method);
    } catch (error) {
      if (error instanceof ChannelClosedError) throw this.#end(method);
      throw error;
    } finally {
      this.#pending.delete(call);
    }
    // The loop may wait for an answer that was read here: it shall not keep this process alive.
    if (this.#reading && this.#pending.size === 0) this.post(SERVER, PING, []);
    const settled = outcome as Outcome;
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  post(object: number, method: string, args: readonly unknown[]): void {
    if (this.#ended === undefined) this.#send([NO_ANSWER, object, method, args]);
  }

  /** Fails what is pending, and lets go of the connection. */
  close(act = 'call'): void {
    this.#end(act);
  }

  #number(): number {
    this.#calls = (this.#calls % MOST_CALLS) + 1;
    return this.#calls;
  }

  #assertOpen(method: string): void {
    if (this.#ended !== undefined) throw this.#server.died(`call ${method}()`);
  }

  #send(request: PlainRequest): void {
    this.#assertOpen(request[2]);
    this.#transport.send(this.#encode(request)).catch((error: unknown) => this.#failed(error, request[2]));
  }

  #encode(request: PlainRequest): ReturnType<Transport['encode']> {
    try {
      const message = this.#transport.encode(request);
      if (message.defines !== true) return message;
      message.drop();
      const [call, object, method, args] = request;
      const { bytes, bodies } = packValue(args, 'args');
      return this.#transport.encode([call, object, method, bytes, bodies]);
    } catch (error) {
      throw named(error);
    }
  }

  /** Reads answers as long as somebody waits for one. */
  #read(): void {
    this.#watchServer();
    if (this.#reading) return;
    this.#reading = true;
    this.#readAll().catch((error: unknown) => {
      this.#reading = false;
      this.#failed(error, 'call');
    });
  }

  async #readAll(): Promise<void> {
    while (this.#pending.size > 0) {
      this.#arrived(await this.#transport.receive(undefined));
      for (let left = AT_ONCE; left > 0 && this.#pending.size > 0 && this.#transport.isReady(); left--)
        this.#arrived(this.#transport.receiveSync(0));
    }
    this.#reading = false; // at once: the next call may follow in the same turn
  }

  #receiveSync(call: number, method: string): void {
    try {
      this.#arrived(this.#transport.receiveSync(LOOK_MS), call);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      if (this.#server.whyEnded(method) !== undefined) throw this.#end(method);
    }
  }

  /** @param blocking The call that cannot wait for modules. */
  #arrived(arrival: Arrival, blocking?: number): void {
    if (!('value' in arrival)) throw new ProtocolError('Cannot read an answer of a manager: it is none');
    const [call, kind, payload, bodies] = arrival.value as Reply;
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    const answer = answerOf(kind, payload, bodies, pending.target);
    if (kind === TAKEN || kind === DEFINED) this.post(SERVER, ACK, [call]);
    if (!('loading' in answer)) this.#settle(call, pending, answer);
    else if (call === blocking) this.#settle(call, pending, withoutWaiting(kind, answer.read));
    else {
      const settle = () => this.#settle(call, pending, answer.read());
      answer.loading.then(settle, settle);
    }
  }

  #settle(call: number, pending: PendingCall, outcome: Outcome): void {
    this.#pending.delete(call);
    pending.settle(outcome);
  }

  /** Looks after the server as long as somebody waits. */
  #watchServer(): void {
    if (this.#watching) return;
    this.#watching = true;
    setTimeout(() => {
      this.#watching = false;
      if (this.#pending.size === 0) return;
      if (this.#server.whyEnded('call') !== undefined) this.#end('call');
      else this.#watchServer();
    }, LOOK_MS).unref();
  }

  #failed(error: unknown, method: string): void {
    if (this.#ended === undefined) this.#end(method, error instanceof ChannelClosedError ? undefined : error);
  }

  /** The connection ended: every call fails. */
  #end(act: string, cause?: unknown): Error {
    const error = this.#server.died(`call ${act}()`);
    if (cause !== undefined && error.cause === undefined) error.cause = cause;
    this.#ended ??= error;
    this.#transport.close();
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const [, each] of pending) each.settle({ error: this.#server.died(`call ${each.act}()`) });
    return error;
  }
}

function answerOf(kind: number, payload: unknown, bodies: readonly Uint8Array[] = [], target: CallTarget): Answer {
  if (kind === RESULT || kind === TAKEN) return { value: payload };
  if (kind === SELF) return { value: target.proxy };
  if (kind !== FAILED && kind !== DEFINED)
    throw new ProtocolError(`Cannot read an answer of a manager: received the kind ${kind}`);
  const read = () => outcomeOf(kind, payload as Uint8Array);
  const loading = loadBodies(bodies);
  return loading === undefined ? read() : { loading, read };
}

function outcomeOf(kind: number, bytes: Uint8Array): Outcome {
  if (kind === FAILED) return { error: decodeFailure(bytes, 0, bytes.length, IN_FLIGHT) };
  try {
    return { value: unpackValue(bytes) };
  } catch (error) {
    return { error };
  }
}

/** A failure is told as well as it can be; a value is not there. */
function withoutWaiting(kind: number, read: () => Outcome): Outcome {
  if (kind === FAILED) return read();
  const text =
    'Cannot read the result: it needs a module that is imported only now, for which a blocking call cannot wait; use the promise of the method';
  return { error: new DeserializationError(text) };
}

/** Paths of what cannot be sent as the caller wrote it. */
function named(error: unknown): unknown {
  if (!(error instanceof SerializationError) || !error.path.startsWith(ARGS)) return error;
  const path = `args${error.path.slice(ARGS.length)}`;
  return new SerializationError(
    error.message.replace(error.path, () => path),
    { path, cause: error.cause },
  );
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** Where the arguments are in a request. */
const ARGS = 'value[3]';
const MOST_CALLS = 2 ** 31;
/** Answers read before others have their turn. */
const AT_ONCE = 256;
/** How often somebody who waits looks whether the server still is. */
const LOOK_MS = 100;
