/**
 * `Condition` of a manager.
 *
 * Runs in servers only.
 */
import { type CallContext, ClientEndedError } from './call-context.js';
import { HostedLock, HostedRLock } from './hosted-locks.js';
import { TimeoutError } from '../errors.js';
import { WaitList } from './wait-list.js';

export class HostedCondition {
  readonly #lock: HostedLock;
  readonly #waiting = new WaitList();

  /** @param lock A lock of the same manager. */
  constructor(lock: HostedLock = new HostedRLock()) {
    if (!(lock instanceof HostedLock))
      throw new TypeError('Cannot create a condition: its lock must be a Lock or RLock of the same manager');
    this.#lock = lock;
  }

  async acquire(call: CallContext, timeoutMs?: number, flow?: string): Promise<this> {
    await this.#lock.acquire(call, timeoutMs, flow);
    return this;
  }

  async recover(call: CallContext, timeoutMs?: number, flow?: string): Promise<this> {
    await this.#lock.recover(call, timeoutMs, flow);
    return this;
  }

  enter(call: CallContext, flow: string | undefined, fresh: string): Promise<boolean> {
    return this.#lock.enter(call, flow, fresh);
  }

  leave(call: CallContext, flow: string): number {
    return this.#lock.leave(call, flow);
  }

  tryAcquire(call: CallContext, flow?: string): boolean {
    return this.#lock.tryAcquire(call, flow);
  }

  release(call: CallContext, flow?: string): void {
    this.#lock.release(call, flow);
  }

  locked(): boolean {
    return this.#lock.locked();
  }

  /** False when time ran out; the lock is held again in any case. */
  async wait(call: CallContext, timeoutMs?: number, flow?: string): Promise<boolean> {
    this.#lock.assertHeld(call, 'wait', flow);
    const resume = this.#lock.suspend(call);
    let isNotified = false;
    try {
      await this.#waiting.wait(call, timeoutMs, 'wait for the condition: nobody notified');
      isNotified = true;
    } catch (error) {
      if (!(error instanceof TimeoutError)) {
        if (!(error instanceof ClientEndedError)) await resume();
        throw error;
      }
    }
    try {
      await resume();
    } catch (error) {
      if (isNotified) this.#notify(1); // it was meant for somebody who lives
      throw error;
    }
    return isNotified;
  }

  notify(call: CallContext, count = 1, flow?: string): void {
    this.#lock.assertHeld(call, 'notify', flow);
    this.#notify(count);
  }

  notifyAll(call: CallContext, flow?: string): void {
    this.notify(call, this.#waiting.size, flow);
  }

  #notify(count: number): void {
    let left = count;
    for (const waiting of this.#waiting) {
      if (left-- <= 0) return;
      waiting.resolve();
    }
  }
}
