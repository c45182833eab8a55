/**
 * A client's connection to the server of a manager: one for each thread that uses the manager's objects.
 *
 * Runs in clients. Calls do not wait for one another; answers come in any order. A blocking call reads the answers of
 * the others too, and hands them on. While nothing is awaited the link keeps no event loop alive.
 *
 * Who may die at which step: the server's end is seen as the end of the connection as soon as its parent has found it
 * dead; so that nobody depends on that parent, who waits looks every 100 ms whether the process still is.
 */
import type { Arrival, Outgoing, Transport } from '../channel/transport.js';
import { ChannelClosedError, DeserializationError, ProtocolError, TimeoutError } from '../errors.js';
import { faultPoint } from '../substrate/fault.js';
import { catchUp } from '../substrate/put-off.js';
import type { Caller, CallTarget } from './caller.js';
import { type Courier, isPlain, type Later, type Outcome } from './courier.js';
import { PlainBatch } from './plain-batch.js';
import { ACK, CANCEL, CLOSING, DEFINED, FAILED, NO_ANSWER, PING, RESULT, SELF, SERVER, TAKEN } from './protocol.js';

/** What a link must know of its server. */
export interface ServerPlace {
  /** Why it cannot be called any more; undefined while it can. */
  whyEnded(act: string): Error | undefined;
  /** The error for a connection that ended. */
  died(act: string): Error;
  /** The server said that it was shut down, where it has to say so. */
  wasShutDown?(): void;
}

interface PendingCall {
  readonly target: CallTarget;
  readonly act: string;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export class ManagerLink implements Caller {
  readonly #courier: Courier;
  readonly #transport: Transport;
  readonly #server: ServerPlace;
  readonly #pending = new Map<number, PendingCall>();
  readonly #batch: PlainBatch;
  #calls = 0;
  #reading = false;
  #watching = false;
  #ended: Error | undefined;

  constructor(courier: Courier, server: ServerPlace) {
    this.#courier = courier;
    this.#transport = courier.transport;
    this.#server = server;
    this.#batch = new PlainBatch((calls) => {
      if (this.#ended === undefined) this.#sendNow(courier.requests(calls), 'call');
    });
  }

  /** Whether the server is gone: another link is of no use either. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  call(target: CallTarget, method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const call = this.#number();
      this.#send(call, target.object, method, args);
      const pending: PendingCall = { target, act: method, resolve, reject };
      this.#pending.set(call, signal === undefined ? pending : this.#abortable(call, pending, signal));
      this.#read();
    });
  }

  callSync(target: CallTarget, method: string, args: readonly unknown[]): unknown {
    const call = this.#number();
    this.#assertOpen(method);
    catchUp();
    let outcome: Outcome | undefined;
    const resolve = (value: unknown) => void (outcome = { value });
    this.#pending.set(call, { target, act: method, resolve, reject: (error) => (outcome = { error }) });
    try {
      const message = this.#courier.request({ call, object: target.object, method, args });
      faultPoint('link.beforeSend');
      this.#transport.sendSync(message);
      faultPoint('link.afterSend');
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
    if (this.#ended === undefined) this.#send(NO_ANSWER, object, method, args);
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

  #send(call: number, object: number, method: string, args: readonly unknown[]): void {
    this.#assertOpen(method);
    if (args.every(isPlain)) {
      this.#batch.add(call, object, method, args);
      return;
    }
    this.#batch.flush();
    this.#sendNow(this.#courier.request({ call, object, method, args }), method);
  }

  #sendNow(message: Outgoing, method: string): void {
    faultPoint('link.beforeSend');
    this.#transport.send(message)?.catch((error: unknown) => this.#failed(error, method));
    faultPoint('link.afterSend');
  }

  /** Has an abort end the call there; its promise then rejects with the reason. */
  #abortable(call: number, { target, act, resolve, reject }: PendingCall, signal: AbortSignal): PendingCall {
    const onAbort = () => this.post(SERVER, CANCEL, [call]);
    const stop = () => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    return {
      target,
      act,
      resolve(value) {
        stop();
        resolve(value);
      },
      reject(error) {
        stop();
        const isAbort = error instanceof Error && error.name === 'AbortError';
        reject(signal.aborted && isAbort ? signal.reason : error);
      },
    };
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
    this.#courier.readReplies(arrival, (call, kind, outcome) => this.#answered(call, kind, outcome, blocking));
  }

  #answered(call: number, kind: number, outcome: Outcome | Later<Outcome>, blocking: number | undefined): void {
    if (kind === CLOSING) this.#server.wasShutDown?.();
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    if (!KINDS.has(kind)) throw new ProtocolError(`Cannot read an answer of a manager: received the kind ${kind}`);
    if (kind === TAKEN || kind === DEFINED) {
      faultPoint('link.beforeAck');
      this.post(SERVER, ACK, [call]);
    }
    if (kind === SELF) this.#settle(call, pending, { value: pending.target.proxy });
    else if (!('loading' in outcome)) this.#settle(call, pending, outcome);
    else if (call === blocking) this.#settle(call, pending, withoutWaiting(kind, outcome.read));
    else {
      const settle = () => this.#settle(call, pending, outcome.read());
      outcome.loading.then(settle, settle);
    }
  }

  #settle(call: number, { resolve, reject }: PendingCall, outcome: Outcome): void {
    this.#pending.delete(call);
    if ('error' in outcome) reject(outcome.error);
    else resolve(outcome.value);
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

  /** What came before the end may say why. */
  #readRest(): void {
    try {
      while (this.#transport.isReady()) this.#arrived(this.#transport.receiveSync(0));
    } catch {
      // that is the end
    }
  }

  /** The connection ended: every call fails. */
  #end(act: string, cause?: unknown): Error {
    if (this.#ended === undefined && this.#server.wasShutDown !== undefined) this.#readRest();
    const error = this.#server.died(`call ${act}()`);
    if (cause !== undefined && error.cause === undefined) error.cause = cause;
    this.#ended ??= error;
    this.#transport.close();
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const [, each] of pending) each.reject(this.#server.died(`call ${each.act}()`));
    return error;
  }
}

/** A failure is told as well as it can be; a value is not there. */
function withoutWaiting(kind: number, read: () => Outcome): Outcome {
  if (kind === FAILED) return read();
  const text =
    'Cannot read the result: it needs a module that is imported only now, for which a blocking call cannot wait; use the promise of the method';
  return { error: new DeserializationError(text) };
}

const KINDS: ReadonlySet<number> = new Set([RESULT, SELF, FAILED, DEFINED, TAKEN]);
const MOST_CALLS = 2 ** 31;
/** Answers read before others have their turn. */
const AT_ONCE = 256;
/** How often somebody who waits looks whether the server still is. */
const LOOK_MS = 100;
