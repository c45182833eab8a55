/**
 * The server of a manager: takes clients in, and ends.
 *
 * Runs in the server process of a manager, or wherever somebody calls `getServer()`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from '../channel/address.js';
import { Connection } from '../channel/connection.js';
import { Listener } from '../channel/listener.js';
import { ClosedError, InvalidStateError, QueueShutDownError, ResourceExhaustedError } from '../errors.js';
import type { Courier } from '../proxies/courier.js';
import { FamilyCourier } from '../proxies/family-courier.js';
import { ACK, ADDRESS, CANCEL, COUNT, CREATE, DESCRIBE, HELLO, HOLD, KEEP, LETGO, PING, SHUTDOWN } from '../proxies/protocol.js';
import { SocketCourier } from '../proxies/socket-courier.js';
import { Host } from './host.js';
import { LocalCaller } from './local-caller.js';
import { RemoteHolds } from './remote-holds.js';
import type { ServerPlan } from './server-plan.js';
import { Session } from './session.js';

/**
 * Serves the objects of a manager: made by `getServer()`.
 *
 * @python `multiprocessing.managers.Server`; `serve_forever()` ends without ending the process.
 */
export class Server {
  readonly #plan: ServerPlan;
  readonly #host: Host;
  readonly #id = randomUUID();
  readonly #sessions = new Set<Session>();
  readonly #stopping = new AbortController();
  #listener: Listener | undefined;
  #serving: Promise<void> | undefined;

  /** @internal Managers make them. */
  constructor(plan: ServerPlan) {
    this.#plan = plan;
    this.#host = new Host(plan, (session, method, args) => this.#ownMethod(session, method, args));
  }

  /** Where clients of other families find it, once it listens; null: nowhere. */
  get address(): Address | null {
    return this.#listener?.address ?? null;
  }

  /**
   * Listens at the manager's address, if it has one; `serveForever()` does so too.
   *
   * @throws {SystemError} If the address cannot be had: `EADDRINUSE`, `EACCES`.
   */
  async listen(): Promise<this> {
    const { listen } = this.#plan;
    if (listen === undefined || this.#listener !== undefined) return this;
    const { address, authKey, tls } = listen;
    this.#listener = await new Listener({ address, authKey, tls }).listen();
    return this;
  }

  /** Serves until `stop()`, or until the manager is shut down. @throws {InvalidStateError} If it serves already. */
  serveForever(): Promise<void> {
    if (this.#serving !== undefined) throw new InvalidStateError('Cannot serve: the server runs already');
    this.#serving = this.#serve();
    return this.#serving;
  }

  /** Ends it: clients get `ClosedError` from now on. */
  stop(): void {
    this.#plan.door.shutDown();
    this.#listener?.close();
    this.#stopping.abort();
  }

  async #serve(): Promise<void> {
    const { door } = this.#plan;
    const { signal } = this.#stopping;
    await this.listen();
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    door.enterServer();
    door.caller = new LocalCaller(this.#host);
    running.add(this.#host);
    void this.#collect();
    void this.#acceptFamily();
    void this.#acceptOthers();
    await stopped;
    running.delete(this.#host);
    this.#host.end();
    door.caller = undefined;
    door.connections.close();
    await new Promise(setImmediate); // the answer to whoever stopped it is on its way
    for (const session of this.#sessions) session.dismiss();
  }

  async #acceptFamily(): Promise<void> {
    try {
      for (;;) {
        const connection = await this.#plan.door.connections.get();
        this.#open(connection, new FamilyCourier(Connection.transportOf(connection)));
      }
    } catch (error) {
      if (!(error instanceof ClosedError || error instanceof QueueShutDownError)) throw error;
    }
  }

  async #acceptOthers(): Promise<void> {
    const listener = this.#listener;
    while (listener?.closed === false) {
      try {
        const connection = await listener.accept();
        const holds = new RemoteHolds(this.#host.objects);
        this.#open(connection, new SocketCourier(Connection.transportOf(connection), holds), holds);
      } catch (error) {
        if (error instanceof ResourceExhaustedError) await sleep(EXHAUSTED_RETRY_MS);
        else if (!(error instanceof ClosedError)) throw error;
      }
    }
  }

  #open(connection: Connection, courier: Courier, holds?: RemoteHolds): void {
    const session = new Session(courier, this.#host, holds);
    this.#sessions.add(session);
    void session.serve().finally(() => {
      this.#sessions.delete(session);
      this.#host.objects.collect(true);
      connection.close();
    });
  }

  async #collect(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#plan.door.whenForgotten(this.#stopping.signal).catch(() => undefined);
      this.#host.objects.collect(false);
    }
  }

  #ownMethod(session: Session, method: string, args: readonly unknown[]): unknown {
    const { objects } = this.#host;
    switch (method) {
      case CREATE:
        return this.#host.create(args[0] as string, listOf(args[1]), session.ofFamily);
      case HELLO:
        session.introduce(args[0], args[1]);
        return { serverId: this.#id };
      case ACK:
        return session.confirm(args[0]);
      case CANCEL:
        return session.cancel(args[0]);
      case PING:
        return undefined;
      case ADDRESS:
        return this.address;
      case HOLD:
        return session.holds?.take(args[0]);
      case LETGO:
        return session.holds?.letGo(args[0], args[1]);
      case KEEP:
        return objects.keepForAWhile(args[0] as number);
      case SHUTDOWN:
        if (!session.ofFamily) throw new TypeError('Cannot shut the manager down: only who started it can');
        setImmediate(() => this.stop());
        return undefined;
      case COUNT:
        return objects.size;
      case DESCRIBE:
        return [...objects.all()].map(({ id, type, holds }) => ({ id, typeId: type.typeId, holds }));
      default:
        throw new TypeError(`Cannot call ${method}() of a manager: there is no such method`);
    }
  }
}

/** Runs as a process of its own. */
export async function serveManager(plan: ServerPlan): Promise<void> {
  process.on('SIGINT', () => {}); // Ctrl-C is the business of whoever started the manager
  const server = new Server(plan);
  if (plan.initializer !== undefined) await (plan.initializer as (...args: unknown[]) => unknown)(...(plan.initArgs ?? []));
  await server.serveForever();
}

/** What runs the servers of this thread. */
const running = new Set<Host>();

/** The server whose code runs here; undefined outside of servers. */
export function currentServer(): Host | undefined {
  return [...running].at(-1);
}

function listOf(args: unknown): readonly unknown[] {
  if (!Array.isArray(args)) throw new TypeError('Cannot create an object: its arguments must be a list');
  return args;
}

const EXHAUSTED_RETRY_MS = 100;
