/**
 * `Lock` and `RLock` of a manager: held by a client (a thread of a process) instead of a thread of the server.
 *
 * Runs in servers only. A client that ends while it holds one, however it ends, poisons it as with the locks of `sync`.
 */
import { LockOwnerDiedError, ProcessError } from '../errors.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import type { CallContext, Client, Holder } from './call-context.js';
import { WaitList } from './wait-list.js';

/** What becomes of a lock whose owner ended holding it. */
export interface HostedLockOptions {
  readonly onOwnerDeath?: 'poison' | 'continue';
}

interface Owner {
  readonly client: Client;
  /** The async flow of the client. */
  readonly flow: string | undefined;
}

interface Acquisition {
  readonly flow: string | undefined;
  readonly recovers: boolean;
}

export class HostedLock implements Holder {
  readonly #waiting = new WaitList();
  readonly #wants = new WeakMap<CallContext, Acquisition>();
  readonly #continues: boolean;
  #owner: Owner | undefined;
  #depth = 0;
  #deadPid: number | undefined;
  #isPoisoned = false;

  constructor(options: HostedLockOptions = {}) {
    checkOptionsObject('Cannot create a lock', options);
    const how: unknown = options.onOwnerDeath ?? 'poison';
    if (how !== 'poison' && how !== 'continue')
      throw new TypeError(`Cannot create a lock: onOwnerDeath must be 'poison' or 'continue', received ${String(how)}`);
    this.#continues = how === 'continue';
  }

  async acquire(call: CallContext, timeoutMs?: number, flow?: string): Promise<this> {
    if (!this.#tryTake(call, { flow, recovers: false })) await this.#wait(call, { flow, recovers: false }, timeoutMs);
    return this;
  }

  async recover(call: CallContext, timeoutMs?: number, flow?: string): Promise<this> {
    if (!this.#tryTake(call, { flow, recovers: true })) await this.#wait(call, { flow, recovers: true }, timeoutMs);
    return this;
  }

  /** For code that runs as `fresh`: false if `flow` has it already, which then is one level deeper. */
  async enter(call: CallContext, flow: string | undefined, fresh: string): Promise<boolean> {
    if (this.isReentrant && this.#owner?.client === call.client && this.#owner.flow === flow) {
      this.#depth++;
      return false;
    }
    await this.acquire(call, undefined, fresh);
    return true;
  }

  /** Ends a flow that was entered, however often it has taken the lock. Returns how often too often: nobody could release that. */
  leave(call: CallContext, flow: string): number {
    this.assertHeld(call, 'release the lock', flow);
    const surplus = this.#depth - 1;
    this.#depth = 0;
    this.#free(call.client);
    return surplus;
  }

  tryAcquire(call: CallContext, flow?: string): boolean {
    return this.#tryTake(call, { flow, recovers: false });
  }

  locked(): boolean {
    return this.#owner !== undefined;
  }

  release(call: CallContext, flow?: string): void {
    this.assertHeld(call, 'release the lock', flow);
    if (--this.#depth === 0) this.#free(call.client);
  }

  /** @throws {ProcessError} `ERR_MP_NOT_OWNER` if the caller does not hold it. */
  assertHeld({ client }: CallContext, act: string, flow?: string): void {
    if (this.#owner?.client !== client || (this.isReentrant && this.#owner.flow !== flow))
      throw new ProcessError(`Cannot ${act}: the caller does not hold it`, { code: 'ERR_MP_NOT_OWNER' });
  }

  /** Gives it up for a while, however often it was taken. Returns how to have it again. */
  suspend(call: CallContext): () => Promise<void> {
    const [depth, owner] = [this.#depth, this.#owner as Owner];
    this.#depth = 0;
    this.#free(call.client);
    return async () => {
      await this.acquire(call, undefined, owner.flow);
      this.#depth = depth;
    };
  }

  clientEnded(client: Client): void {
    if (this.#owner?.client !== client) return;
    this.#depth = 0;
    this.#owner = undefined;
    if (this.#continues) {
      process.emitWarning('A client of a manager ended holding a lock; what the lock protects may be half-done', {
        code: 'MP_LOCK_OWNER_DIED',
      });
    } else {
      this.#isPoisoned = true;
      this.#deadPid = client.pid;
      for (const waiting of this.#waiting) if (this.#wants.get(waiting.call)?.recovers !== true) waiting.reject(this.#poisoned());
    }
    this.#handOn();
  }

  protected get isReentrant(): boolean {
    return false;
  }

  #tryTake(call: CallContext, want: Acquisition): boolean {
    if (this.isReentrant && this.#owner?.client === call.client && this.#owner.flow === want.flow) {
      this.#depth++;
      return true;
    }
    if (this.#isPoisoned && !want.recovers) throw this.#poisoned();
    call.client.assertAlive();
    if (this.#owner !== undefined) return false;
    this.#take(call.client, want);
    return true;
  }

  async #wait(call: CallContext, want: Acquisition, timeoutMs: number | undefined): Promise<void> {
    this.#wants.set(call, want);
    const act = want.recovers ? 'recover' : 'acquire';
    await this.#waiting.wait(call, timeoutMs, `${act} the lock: it was not released`);
  }

  #take(client: Client, { flow, recovers }: Acquisition): void {
    if (recovers) this.#isPoisoned = false;
    this.#owner = { client, flow };
    this.#depth = 1;
    client.remember(this);
  }

  #free(client: Client): void {
    this.#owner = undefined;
    client.forget(this);
    this.#handOn();
  }

  /** To whoever waits first; a poisoned one only to who repairs. */
  #handOn(): void {
    if (this.#owner !== undefined) return;
    for (const waiting of this.#waiting) {
      const want = this.#wants.get(waiting.call) as Acquisition;
      if (this.#isPoisoned && !want.recovers) continue;
      this.#take(waiting.call.client, want);
      waiting.resolve();
      return;
    }
  }

  #poisoned(): LockOwnerDiedError {
    return new LockOwnerDiedError(
      `Cannot acquire the lock: its owner (pid ${this.#deadPid ?? 'unknown'}) ended holding it; call recover() to repair what it protects`,
      { pid: this.#deadPid },
    );
  }
}

export class HostedRLock extends HostedLock {
  protected override get isReentrant(): boolean {
    return true;
  }
}
