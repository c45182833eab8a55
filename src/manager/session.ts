/**
 * One client of a server: its connection, its calls, and what it holds.
 *
 * Runs in servers only. Calls of a client begin in their order; those that wait let the next ones begin. When the
 * connection ends, in whatever way, waits of the client end, its locks and permits are given back or poisoned, and what
 * it had taken and not received goes back.
 */
import type { Arrival, Outgoing, Transport } from '../channel/transport.js';
import { ClosedError } from '../errors.js';
import { type Courier, type IncomingRequest, isPlain, type PlainRequest } from '../proxies/courier.js';
import { PlainBatch } from '../proxies/plain-batch.js';
import { CLOSING, NO_ANSWER, RESULT, SELF, TAKEN } from '../proxies/protocol.js';
import type { RemoteHolds } from './remote-holds.js';
import { isEntered, isProcessAlive } from '../substrate/participants.js';
import { faultPoint } from '../substrate/fault.js';
import type { Origin } from '../wire/remote-error.js';
import { type CallContext, type Client, ClientEndedError, type Holder } from './call-context.js';

/** What came of a call. */
export type CallOutcome = { readonly kind: 'value' | 'self'; readonly value?: unknown } | { readonly error: unknown };

/** Who carries out what clients ask for. */
export interface Dispatcher {
  /** As whom errors are sent. */
  readonly origin: Origin;
  dispatch(session: Session, request: PlainRequest): void;
}

/** What belongs to one call while it goes on. */
interface OpenCall {
  cancel?: ((error: Error) => void) | undefined;
  undo?: (() => void) | undefined;
}

export class Session implements Client {
  pid: number | undefined;
  /** What a client of another family has proxies of. */
  readonly holds: RemoteHolds | undefined;
  readonly #courier: Courier;
  readonly #transport: Transport;
  readonly #server: Dispatcher;
  readonly #open = new Map<number, OpenCall>();
  /** What calls took whose results the client has not confirmed, in their order. */
  readonly #unconfirmed = new Map<number, () => void>();
  readonly #holders = new Set<Holder>();
  #participant: number | undefined;
  #unnumbered = 0;
  #unsentBytes = 0;
  readonly #batch: PlainBatch;
  #drained: (() => void) | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #ended = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(courier: Courier, server: Dispatcher, holds?: RemoteHolds) {
    this.holds = holds;
    this.#courier = courier;
    this.#transport = courier.transport;
    this.#server = server;
    this.#batch = new PlainBatch((answers) => {
      if (!this.#ended) this.#send(courier.results(answers));
    });
  }

  /** Serves the client until its connection ends; never rejects. */
  async serve(): Promise<void> {
    try {
      for (;;) await this.#takeSome(await this.#transport.receive(undefined));
    } catch (error) {
      // Who breaks the rules is disconnected: those of other families without a word.
      if (!(error instanceof ClosedError) && this.ofFamily) process.emitWarning(error as Error);
    } finally {
      this.#end();
    }
  }

  /** Says who the client is, as far as it tells. */
  introduce(pid: unknown, participant: unknown): void {
    if (typeof pid === 'number') this.pid = pid;
    if (typeof participant === 'number' && this.ofFamily) this.#participant = participant;
  }

  /** Whether the client is a member of the server's family. */
  get ofFamily(): boolean {
    return this.#transport.ofFamily;
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
    if ('kind' in outcome && this.#canWait(call, outcome)) return;
    this.#send(this.#replyOf(call, outcome));
  }

  #send(reply: Outgoing): void {
    faultPoint('manager.beforeReply');
    const sending = this.#transport.send(reply);
    if (sending !== undefined) this.#countUnsent(sending, reply.size);
    faultPoint('manager.afterReply');
  }

  #countUnsent(sending: Promise<void>, bytes: number): void {
    this.#unsentBytes += bytes;
    sending
      .catch((error: unknown) => {
        if (!(error instanceof ClosedError) && this.ofFamily) process.emitWarning(error as Error);
      })
      .finally(() => {
        this.#unsentBytes -= bytes;
        if (!this.#isHeldUp) this.#drained?.();
        this.#stalled?.refresh();
      });
  }

  /** Ends the connection, since the server is shut down: clients of the family see that for themselves, others are told. */
  dismiss(): void {
    if (!this.#ended && !this.ofFamily) this.#send(this.#courier.result(NO_ANSWER, CLOSING, undefined));
    this.#transport.close();
  }

  async #takeSome(first: Arrival): Promise<void> {
    await this.#take(first);
    for (let left = AT_ONCE; left > 0; left--) {
      if (this.#isHeldUp) break;
      if (!this.#transport.isReady()) return;
      const taken = this.#take(this.#transport.receiveSync(0));
      if (taken !== undefined) await taken;
    }
    await new Promise(setImmediate); // others have their turn
    if (this.#isHeldUp) await this.#untilDrained();
  }

  #take(arrival: Arrival): Promise<void> | undefined {
    return this.#courier.readRequests(arrival, this.#begin);
  }

  readonly #begin = (request: IncomingRequest): void => {
    faultPoint('manager.beforeCall');
    if ('error' in request) this.answer(request.call, { error: request.error });
    else this.#server.dispatch(this, request);
  };

  /** Whether an answer goes together with others at the end of this turn. */
  #canWait(call: number, { kind, value }: { readonly kind: 'value' | 'self'; readonly value?: unknown }): boolean {
    if (!isPlain(value) || this.#unconfirmed.has(call)) return false;
    this.#batch.add(call, kind === 'self' ? SELF : RESULT, value);
    return true;
  }

  #replyOf(call: number, outcome: CallOutcome): Outgoing {
    try {
      if ('error' in outcome) return this.#courier.failure(call, outcome.error, this.#server.origin);
      if (outcome.kind === 'self') return this.#courier.result(call, SELF, undefined);
      return this.#courier.result(call, this.#unconfirmed.has(call) ? TAKEN : RESULT, outcome.value);
    } catch (error) {
      this.#undo(call);
      return this.#courier.failure(call, error, this.#server.origin);
    }
  }

  /** Whether too much waits to be taken. A member of the family may block while it sends: its requests are taken in any case. */
  get #isHeldUp(): boolean {
    return this.#unsentBytes > UNSENT_MAX_BYTES && !this.ofFamily;
  }

  /** Who takes nothing for long is disconnected. */
  async #untilDrained(): Promise<void> {
    this.#stalled = setTimeout(() => this.#transport.close(), STALLED_MS).unref();
    await new Promise<void>((resolve) => (this.#drained = resolve));
    clearTimeout(this.#stalled);
    this.#stalled = undefined;
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
    this.holds?.letGoAll();
    this.#drained?.();
  }

  #undo(call: number): void {
    const undo = this.#unconfirmed.get(call);
    this.#unconfirmed.delete(call);
    undo?.();
  }
}

/** Requests of one client that are taken before others have their turn. */
const AT_ONCE = 128;
/** A client that reads no answers has no more requests taken. */
const UNSENT_MAX_BYTES = 2 ** 24;
const STALLED_MS = 30_000;
const LOOK_MS = 100;
