/**
 * `Barrier` of a manager.
 *
 * Runs in servers only. A party whose process ends while it waits breaks the barrier for the others.
 */
import { checkInteger, checkOptionsObject } from '../substrate/argument-checks.js';
import { BrokenBarrierError, TimeoutError } from '../errors.js';
import type { CallContext } from './call-context.js';
import { WaitList } from './wait-list.js';

/** How a barrier is made. */
export interface HostedBarrierOptions {
  /** Runs in the server when the last party has come, before any goes on. */
  readonly action?: () => unknown;
  /** Milliseconds that a party waits when it names no limit. */
  readonly timeout?: number;
}

export class HostedBarrier {
  readonly #parties: number;
  readonly #action: (() => unknown) | undefined;
  readonly #timeoutMs: number | undefined;
  #waiting = new WaitList<number>();
  #isBroken = false;

  constructor(parties: number, options: HostedBarrierOptions = {}) {
    checkInteger('Cannot create a barrier', 'parties', parties, { least: 1 });
    checkOptionsObject('Cannot create a barrier', options);
    const { action, timeout } = options;
    if (action !== undefined && typeof action !== 'function')
      throw new TypeError(`Cannot create a barrier: action must be a function, received ${String(action)}`);
    this.#parties = parties;
    this.#action = action;
    this.#timeoutMs = timeout;
  }

  parties(): number {
    return this.#parties;
  }

  nWaiting(): number {
    return this.#waiting.size;
  }

  broken(): boolean {
    return this.#isBroken;
  }

  /** The number of the party: 0 is the first that came. */
  async wait(call: CallContext, timeoutMs: number | undefined = this.#timeoutMs): Promise<number> {
    if (this.#isBroken) throw broken('it is broken');
    const round = this.#waiting;
    if (round.size + 1 === this.#parties) return await this.#open(round);
    try {
      return await round.wait(call, timeoutMs, 'wait at the barrier: not all parties came');
    } catch (error) {
      if (error instanceof BrokenBarrierError) throw error;
      if (this.#waiting === round) this.#break('a party gave up waiting, or its process ended');
      throw error instanceof TimeoutError ? broken(`not all parties came within ${timeoutMs} ms`) : error;
    }
  }

  reset(): void {
    const round = this.#waiting;
    this.#waiting = new WaitList();
    this.#isBroken = false;
    round.rejectAll(() => broken('it was reset'));
  }

  abort(): void {
    this.#break('it was aborted');
  }

  async #open(round: WaitList<number>): Promise<number> {
    this.#waiting = new WaitList();
    try {
      await this.#action?.();
    } catch (error) {
      this.#isBroken = true;
      round.rejectAll(() => broken('its action failed'));
      throw error;
    }
    let index = 0;
    for (const waiting of round) waiting.resolve(index++);
    return index;
  }

  #break(reason: string): void {
    this.#isBroken = true;
    this.#waiting.rejectAll(() => broken(reason));
  }
}

function broken(reason: string): BrokenBarrierError {
  return new BrokenBarrierError(`Cannot pass the barrier: ${reason}`);
}
