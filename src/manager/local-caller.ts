/**
 * How code in a server calls the objects of that server: at once, with nothing sent.
 *
 * Runs in servers only.
 */
import { InvalidStateError } from '../errors.js';
import type { Caller, CallTarget } from '../proxies/caller.js';
import { CREATE, SERVER } from '../proxies/protocol.js';
import type { CallContext, Client } from './call-context.js';
import type { HostedObject } from './hosted.js';

/** What of a server is called. */
export interface LocalServer {
  create(typeId: string, args: readonly unknown[]): unknown;
  invoke(hosted: HostedObject, method: string, args: readonly unknown[], context: () => CallContext): unknown;
  hostedOf(id: number): HostedObject;
  resultOf(value: unknown): unknown;
  isFresh(proxy: unknown): boolean;
}

export class LocalCaller implements Caller {
  readonly #server: LocalServer;

  constructor(server: LocalServer) {
    this.#server = server;
  }

  async call(target: CallTarget, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#outcome(target, await this.#invoke(target, method, args));
  }

  callSync(target: CallTarget, method: string, args: readonly unknown[]): unknown {
    const result = this.#invoke(target, method, args);
    if (result instanceof Promise)
      throw new InvalidStateError(`Cannot block for ${method}() in the server itself: it is not done at once; await it`);
    return this.#outcome(target, result);
  }

  post(object: number, method: string, args: readonly unknown[]): void {
    this.#invoke({ object, proxy: undefined }, method, args);
  }

  #invoke(target: CallTarget, method: string, args: readonly unknown[]): unknown {
    if (target.object !== SERVER) return this.#server.invoke(this.#server.hostedOf(target.object), method, args, () => CONTEXT);
    if (method === CREATE) return this.#server.create(args[0] as string, args[1] as unknown[]);
    throw new InvalidStateError(`Cannot call ${method}() of the manager in its own server`);
  }

  #outcome({ object, proxy }: CallTarget, result: unknown): unknown {
    if (object !== SERVER && result === this.#server.hostedOf(object).object) return proxy;
    const value = this.#server.resultOf(result);
    this.#server.isFresh(value); // it belongs to the code that called
    return value;
  }
}

/** The server lives as long as its objects: nothing has to be given back. */
const SERVER_ITSELF: Client = {
  pid: process.pid,
  assertAlive() {},
  remember() {},
  forget() {},
};
const CONTEXT: CallContext = {
  client: SERVER_ITSELF,
  onCancel: () => () => {},
  onUndelivered() {},
};
