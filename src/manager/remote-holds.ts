/**
 * What one client of another family has proxies of: the server counts what it sent, and the client gives it back.
 *
 * Runs in servers only. All that a client has is given back when its connection ends, however it ends.
 */
import { ClosedError } from '../errors.js';
import type { Caller } from '../proxies/caller.js';
import { FORM } from '../proxies/protocol.js';
import { coreOf, makeProxy } from '../proxies/proxy.js';
import type { ProxyName, ProxyNames } from '../proxies/socket-courier.js';
import type { HostedObjects } from './hosted.js';

export class RemoteHolds implements ProxyNames {
  readonly #objects: HostedObjects;
  readonly #counts = new Map<number, number>();

  constructor(objects: HostedObjects) {
    this.#objects = objects;
  }

  nameOf(value: object): ProxyName | undefined {
    if (this.#objects.behind(value) === undefined) return undefined;
    return coreOf(value);
  }

  sent(object: number): () => void {
    this.take(object);
    return () => this.letGo(object, 1);
  }

  /** Of an object that is gone, it is one whose calls say so. */
  proxyOf({ object, typeId }: ProxyName): object {
    const hosted = this.#objects.get(object);
    if (hosted !== undefined) return this.#objects.host(hosted.object, hosted.type);
    return makeProxy({ caller: gone, object, form: FORM.OBJECT, typeId, place: this });
  }

  /** One hold more. */
  take(object: unknown): void {
    const hosted = this.#objects.get(object as number);
    if (hosted === undefined) return;
    hosted.holds++;
    this.#counts.set(hosted.id, (this.#counts.get(hosted.id) ?? 0) + 1);
  }

  /** Some holds less, but no more than there are. */
  letGo(object: unknown, count: unknown): void {
    const held = this.#counts.get(object as number) ?? 0;
    const released = Math.min(held, typeof count === 'number' && count >= 1 ? Math.floor(count) : 0);
    if (released === 0) return;
    if (released === held) this.#counts.delete(object as number);
    else this.#counts.set(object as number, held - released);
    this.#objects.release(object as number, released);
  }

  letGoAll(): void {
    for (const [object, count] of this.#counts) this.#objects.release(object, count);
    this.#counts.clear();
  }
}

function gone(): Caller {
  throw new ClosedError('Cannot call: the manager has no such object any more');
}
