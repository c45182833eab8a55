/**
 * `Semaphore` and `BoundedSemaphore` of a manager, `Event` and `Barrier`.
 *
 * Runs in servers only.
 */
import { checkInteger, checkOptionsObject } from '../substrate/argument-checks.js';
import { ProcessError } from '../errors.js';
import type { CallContext, Client, Holder } from './call-context.js';
import { WaitList } from './wait-list.js';

/** What becomes of permits whose holder ended. */
export interface HostedSemaphoreOptions {
  readonly returnOnDeath?: boolean;
}

export class HostedSemaphore implements Holder {
  readonly #waiting = new WaitList();
  readonly #held = new Map<Client, number>();
  readonly #most: number;
  readonly #returns: boolean;
  #value: number;

  constructor(value = 1, options: HostedSemaphoreOptions = {}, most: number = Number.POSITIVE_INFINITY) {
    checkInteger('Cannot create a semaphore', 'value', value, { least: 0 });
    checkOptionsObject('Cannot create a semaphore', options);
    this.#value = value;
    this.#most = most;
    this.#returns = options.returnOnDeath === true;
  }

  async acquire(call: CallContext, timeoutMs?: number): Promise<this> {
    if (!this.tryAcquire(call)) await this.#waiting.wait(call, timeoutMs, 'acquire the semaphore: nobody released it');
    return this;
  }

  tryAcquire({ client }: CallContext): boolean {
    if (this.#value === 0) return false;
    this.#value--;
    this.#count(client, 1);
    return true;
  }

  release({ client }: CallContext, count = 1): void {
    checkInteger('Cannot release the semaphore', 'count', count, { least: 1 });
    if (this.#value + count > this.#most)
      throw new ProcessError(`Cannot release the semaphore: it would have more than its ${this.#most} permits`, {
        code: 'ERR_MP_OVER_RELEASE',
      });
    for (let left = count; left > 0; left--) this.#countReleased(client);
    this.#add(count);
  }

  getValue(): number {
    return this.#value;
  }

  locked(): boolean {
    return this.#value === 0;
  }

  clientEnded(client: Client): void {
    const held = this.#held.get(client) ?? 0;
    this.#held.delete(client);
    if (this.#returns && held > 0) this.#add(held);
  }

  #add(count: number): void {
    this.#value += count;
    for (const waiting of this.#waiting) {
      if (this.#value === 0) return;
      this.#value--;
      this.#count(waiting.call.client, 1);
      waiting.resolve();
    }
  }

  /** A permit that this client has, else somebody's: anybody may release. */
  #countReleased(client: Client): void {
    if (this.#held.has(client)) this.#count(client, -1);
    else for (const [holder] of this.#held) return this.#count(holder, -1);
  }

  #count(client: Client, change: number): void {
    const held = (this.#held.get(client) ?? 0) + change;
    if (held === 0) {
      this.#held.delete(client);
      client.forget(this);
    } else {
      this.#held.set(client, held);
      client.remember(this);
    }
  }
}

export class HostedBoundedSemaphore extends HostedSemaphore {
  constructor(value = 1) {
    super(value, { returnOnDeath: true }, value);
  }
}

export class HostedEvent {
  readonly #waiting = new WaitList();
  #isSet = false;

  isSet(): boolean {
    return this.#isSet;
  }

  set(): void {
    this.#isSet = true;
    for (const waiting of this.#waiting) waiting.resolve();
  }

  clear(): void {
    this.#isSet = false;
  }

  async wait(call: CallContext, timeoutMs?: number): Promise<void> {
    if (!this.#isSet) await this.#waiting.wait(call, timeoutMs, 'wait for the event: nobody set it');
  }
}
