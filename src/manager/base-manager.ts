/**
 * `BaseManager`: starts a server process that has objects for others, or uses one.
 *
 * Runs in every process: where the manager was started, and where it was sent.
 */
import type { Address } from '../channel/address.js';
import { ClosedError, InvalidStateError } from '../errors.js';
import { joinAsSender } from '../process/family.js';
import { authKey } from '../process/identity.js';
import type { Process } from '../process/process.js';
import type { Caller, CallTarget } from '../proxies/caller.js';
import { callerOf, disconnect } from '../proxies/managed-handle.js';
import { ManagerDoor } from '../proxies/manager-door.js';
import { ADDRESS, COUNT, CREATE, DESCRIBE, SERVER, SHUTDOWN } from '../proxies/protocol.js';
import { RemotePlace, type RemoteServer } from '../proxies/remote-place.js';
import type { Wait } from '../substrate/wait-limit.js';
import { deserialize, serialize } from '../wire/class-hooks.js';
import { addressToConnect, checkManagerOptions, type ManagerOptions } from './manager-options.js';
import type { ArgsOf, MadeBy, Proxy, Registrable } from './proxy-types.js';
import { addCreator, plannedTypes, typeIdOf, typesOf } from './registry.js';
import { Server } from './server.js';
import { ServerHandle } from './server-handle.js';
import type { ServerPlan } from './server-plan.js';
import { TypeRegistrar } from './type-registrar.js';

/** As it travels. */
interface Sent {
  readonly place: ManagerDoor | RemoteServer;
  readonly address: Address | null;
  readonly typeIds: readonly string[];
}

/**
 * A server process with objects that any process or thread calls through proxies.
 *
 * - Objects are made in the server by methods that `register` adds; methods of one object run one after the other up to
 *   their first `await`.
 * - A manager may be sent: the receiver has it connected. It ends with whoever started it, or by `shutdown()`.
 *
 * @python `multiprocessing.managers.BaseManager`
 */
export class BaseManager extends TypeRegistrar implements AsyncDisposable {
  readonly #options: ManagerOptions;
  #place: ManagerDoor | RemotePlace | undefined;
  #server: ServerHandle | undefined;
  #address: Address | null = null;
  #state: 'initial' | 'started' | 'connected' | 'shut down' = 'initial';

  /** @throws {TypeError|RangeError} If an option has the wrong type. */
  constructor(options: ManagerOptions = {}) {
    super();
    checkManagerOptions(options);
    this.#options = { ...options, authKey: options.authKey?.slice() };
  }

  /**
   * Starts the server process; resolves when it serves.
   *
   * @param initializer Runs in the server first.
   * @throws {InvalidStateError} If it was started before. {ClosedError} After `shutdown()`.
   * @throws The initializer's error; {SerializationError} if something registered cannot be sent.
   */
  async start<A extends unknown[]>(initializer?: (...args: A) => unknown, initArgs?: A): Promise<this> {
    if (initializer !== undefined && typeof initializer !== 'function')
      throw new TypeError(`Cannot start the manager: initializer must be a function, received ${String(initializer)}`);
    this.#assertInitial('start');
    joinAsSender();
    const door = new ManagerDoor();
    this.#state = 'started';
    try {
      const plan: ServerPlan = { ...this.#plan(door), initializer, initArgs };
      this.#server = await ServerHandle.start(plan, this.#options, this.constructor.name);
      this.#place = door;
      this.#address = await this.#server.whenServing(() => this.#ask(ADDRESS));
    } catch (error) {
      this.#state = 'shut down';
      disconnect(door);
      throw error;
    }
    return this;
  }

  /** The server, to be run in this very process by `serveForever()`. */
  getServer(): Server {
    this.#assertInitial('get the server of');
    joinAsSender();
    const door = new ManagerDoor();
    this.#place = door;
    this.#state = 'connected';
    return new Server(this.#plan(door));
  }

  /**
   * Connects to the server that another program has at this manager's address. Nothing but data and its proxies goes there
   * and comes from there: no functions, no instances of classes, no other shared objects.
   *
   * @throws {AuthenticationError} If it has another key. {SystemError} If nobody listens there (`ECONNREFUSED`, `ENOENT`).
   * @throws {TypeError} If this manager has no address. {InvalidStateError} If it was started or connected before.
   */
  async connect(): Promise<this> {
    this.#assertInitial('connect');
    const { tls } = this.#options;
    const address = addressToConnect(this.#options.address);
    joinAsSender();
    const place = new RemotePlace({ address, authKey: this.#options.authKey ?? authKey(), tls });
    this.#state = 'connected';
    try {
      await place.connect();
    } catch (error) {
      this.#state = 'initial';
      throw error;
    }
    this.#place = place;
    this.#address = address;
    return this;
  }

  /** Ends this thread's connection to a server of another program; its proxies are of no use here any more. */
  disconnect(): void {
    if (this.#place instanceof RemotePlace) this.#place.disconnect();
  }

  /**
   * Ends the server and waits for its end: politely, then by SIGTERM, then by SIGKILL. A second call changes nothing.
   *
   * @throws {InvalidStateError} If this manager did not start it.
   */
  async shutdown(): Promise<void> {
    if (this.#state === 'shut down') return;
    if (this.#state !== 'started' || this.#server === undefined)
      throw new InvalidStateError('Cannot shut the manager down: it was not started here');
    this.#state = 'shut down';
    await this.#server.end(this.#options.shutdownTimeout ?? SHUTDOWN_MS, () => this.#ask(SHUTDOWN));
  }

  /** Waits until the server process has ended. @throws {TimeoutError} If it still runs when time is up. */
  async join(wait?: Wait): Promise<void> {
    if (this.#server === undefined) throw new InvalidStateError('Cannot join the manager: it was not started here');
    await this.#server.join(wait);
  }

  /** The server process, where it was started. */
  get process(): Process | undefined {
    return this.#server?.process;
  }

  /** Where processes of other families reach the server; null: nowhere, or it was not started yet. */
  get address(): Address | null {
    return this.#address;
  }

  /** Makes an object of a registered class or function. */
  create<C extends Registrable>(type: C, ...args: ArgsOf<C>): Promise<Proxy<MadeBy<C>>>;
  /** Makes an object of a registered type. */
  create(typeId: string, ...args: unknown[]): Promise<unknown>;
  async create(type: string | Registrable, ...args: unknown[]): Promise<unknown> {
    const typeId = typeof type === 'string' ? type : typeIdOf(this.constructor, type);
    return this.#caller(`create ${typeId}`).call(this.#self, CREATE, [typeId, args]);
  }

  /** As `create`, but blocks this thread. */
  createSync<C extends Registrable>(type: C, ...args: ArgsOf<C>): Proxy<MadeBy<C>>;
  createSync(typeId: string, ...args: unknown[]): unknown;
  createSync(type: string | Registrable, ...args: unknown[]): unknown {
    const typeId = typeof type === 'string' ? type : typeIdOf(this.constructor, type);
    return this.#caller(`create ${typeId}`).callSync(this.#self, CREATE, [typeId, args]);
  }

  /** How many objects the server has. @python `_number_of_objects()` */
  async numberOfObjects(): Promise<number> {
    return (await this.#call(COUNT)) as number;
  }

  /** What objects the server has. @python `_debug_info()` */
  async debugInfo(): Promise<{ id: number; typeId: string; holds: number }[]> {
    return (await this.#call(DESCRIBE)) as { id: number; typeId: string; holds: number }[];
  }

  /** Shuts it down where it was started; ends the connection to one of another program. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'started') await this.shutdown();
    else this.disconnect();
  }

  static {
    const hooks = {
      [serialize]: (manager: BaseManager): Sent => {
        const place = manager.#openPlace('send the manager');
        return {
          place: place instanceof RemotePlace ? place.server : place,
          address: manager.#address,
          typeIds: [...typesOf(manager.constructor).keys()],
        };
      },
      [deserialize](this: typeof BaseManager, { place, address, typeIds }: Sent): BaseManager {
        const manager = Reflect.construct(BaseManager, [], this) as BaseManager;
        manager.#place = place instanceof ManagerDoor ? place : RemotePlace.of(place);
        manager.#address = address;
        manager.#state = 'connected';
        for (const typeId of typeIds) if (!(typeId in manager)) addCreator(manager, typeId);
        return manager;
      },
    };
    Object.assign(this, hooks);
  }

  get #self(): CallTarget {
    return { object: SERVER, proxy: this };
  }

  async #call(method: string): Promise<unknown> {
    return this.#caller(method).call(this.#self, method, []);
  }

  /** As `#call`, also while it is being shut down. */
  async #ask(method: string): Promise<unknown> {
    return callerOf(this.#place as ManagerDoor).call(this.#self, method, []);
  }

  #caller(act: string): Caller {
    const place = this.#openPlace(act);
    return place instanceof RemotePlace ? place : callerOf(place);
  }

  #plan(door: ManagerDoor): ServerPlan {
    const { address, authKey: key, tls } = this.#options;
    return {
      name: this.#options.name ?? this.constructor.name,
      door,
      types: plannedTypes(this.constructor),
      listen: address === undefined ? undefined : { address, authKey: key ?? authKey(), tls },
    };
  }

  #openPlace(act: string): ManagerDoor | RemotePlace {
    if (this.#state === 'shut down') throw new ClosedError(`Cannot ${act}: the manager was shut down`);
    if (this.#place === undefined) throw new InvalidStateError(`Cannot ${act}: the manager was not started`);
    return this.#place;
  }

  #assertInitial(act: string): void {
    if (this.#state === 'shut down') throw new ClosedError(`Cannot ${act} the manager: it was shut down`);
    if (this.#state !== 'initial') throw new InvalidStateError(`Cannot ${act} the manager: it was started already`);
  }
}

const SHUTDOWN_MS = 1_000;
