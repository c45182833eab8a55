/**
 * `BaseManager`: starts a server process that has objects for others, or uses one.
 *
 * Runs in every process: where the manager was started, and where it was sent.
 */
import { ClosedError, InvalidStateError, ManagerDiedError, TimeoutError } from '../errors.js';
import { startInBackground } from '../process/background.js';
import { joinAsSender } from '../process/family.js';
import type { Process } from '../process/process.js';
import { checkContext, type ContextOption } from '../process/start-method.js';
import { callerOf, disconnect } from '../proxies/managed-handle.js';
import { ManagerDoor } from '../proxies/manager-door.js';
import { COUNT, CREATE, DESCRIBE, PING, SERVER, SHUTDOWN } from '../proxies/protocol.js';
import type { Wait } from '../substrate/wait-limit.js';
import { deserialize, serialize } from '../wire/class-hooks.js';
import type { ArgsOf, MadeBy, Proxy, Registrable } from './proxy-types.js';
import { addType, removeType, typesOf } from './registry.js';
import { Server, serveManager } from './server.js';
import type { RegisteredType, ServerPlan } from './server-plan.js';

/** How a manager is made. */
export interface ManagerOptions {
  /** Milliseconds for each step of `shutdown()`: the polite one, then SIGTERM. Default 1000. */
  readonly shutdownTimeout?: number | undefined;
  /** Name of the server process. Default the class's name and a number. */
  readonly name?: string | undefined;
  /** How the server process starts. Default: as this program has chosen (`setStartMethod`). */
  readonly context?: ContextOption | undefined;
}

/** How a type is registered. */
export interface RegisterOptions {
  /** Names of methods that may be called. Default all whose names begin with no underscore. */
  readonly exposed?: readonly string[] | undefined;
  /** Types as which the results of methods are hosted: callers get proxies of them. */
  readonly methodToTypeId?: Readonly<Record<string, string>> | undefined;
  /** Whether managers get a method of that name. Default true. */
  readonly createMethod?: boolean | undefined;
}

/** What a manager is when it arrives somewhere. */
interface Sent {
  readonly door: ManagerDoor;
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
export class BaseManager implements AsyncDisposable {
  readonly #options: ManagerOptions;
  #door: ManagerDoor | undefined;
  #process: Process | undefined;
  #state: 'initial' | 'started' | 'connected' | 'shut down' = 'initial';

  /** @throws {TypeError|RangeError} If an option has the wrong type. */
  constructor(options: ManagerOptions = {}) {
    checkOptions(options);
    this.#options = options;
  }

  /**
   * Adds a type to this class of managers, and a method of its name that makes objects of it.
   *
   * @param callable A class, or a function that makes the object; may be left out where only clients are.
   */
  static register(typeId: string, callable?: Registrable, options: RegisterOptions = {}): void {
    if (typeof typeId !== 'string' || typeId === '' || typeId.startsWith('#'))
      throw new TypeError(`Cannot register a type: its name must be a non-empty string, received ${String(typeId)}`);
    if (callable !== undefined && typeof callable !== 'function')
      throw new TypeError(`Cannot register ${typeId}: it takes a class or function, received ${String(callable)}`);
    const { exposed, methodToTypeId, createMethod = true } = options;
    addType(this, { typeId, callable, exposed, methodToTypeId });
    if (createMethod) addCreator(this.prototype, typeId);
  }

  /** Undoes `register`. */
  static unregister(typeId: string): void {
    if (!removeType(this, typeId))
      throw new TypeError(`Cannot unregister ${String(typeId)}: it is not registered with ${this.name}`);
    delete (this.prototype as unknown as Record<string, unknown>)[typeId];
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
    this.#process = await startInBackground({
      name: this.#options.name ?? (this.constructor.name || 'Manager'),
      counted: this.#options.name === undefined,
      target: serveManager,
      args: [{ ...this.#plan(door), initializer, initArgs } satisfies ServerPlan],
      options: { context: this.#options.context },
    }).catch((error: unknown) => {
      this.#state = 'shut down';
      throw error;
    });
    this.#door = door;
    await this.#whenServing(this.#process);
    return this;
  }

  /** The server, to be run in this very process by `serveForever()`. */
  getServer(): Server {
    this.#assertInitial('get the server of');
    joinAsSender();
    this.#door = new ManagerDoor();
    this.#state = 'connected';
    return new Server(this.#plan(this.#door));
  }

  /**
   * Ends the server and waits for its end: politely, then by SIGTERM, then by SIGKILL. A second call changes nothing.
   *
   * @throws {InvalidStateError} If this manager did not start it.
   */
  async shutdown(): Promise<void> {
    if (this.#state === 'shut down') return;
    if (this.#state !== 'started' || this.#process === undefined)
      throw new InvalidStateError('Cannot shut the manager down: it was not started here');
    this.#state = 'shut down';
    await this.#end(this.#process, this.#options.shutdownTimeout ?? SHUTDOWN_MS);
  }

  /** Waits until the server process has ended. @throws {TimeoutError} If it still runs when time is up. */
  async join(wait?: Wait): Promise<void> {
    if (this.#process === undefined) throw new InvalidStateError('Cannot join the manager: it was not started here');
    await this.#process.exception(wait);
  }

  /** The server process, where it was started. */
  get process(): Process | undefined {
    return this.#process;
  }

  /** Makes an object of a registered class or function. */
  create<C extends Registrable>(type: C, ...args: ArgsOf<C>): Promise<Proxy<MadeBy<C>>>;
  /** Makes an object of a registered type. */
  create(typeId: string, ...args: unknown[]): Promise<unknown>;
  async create(type: string | Registrable, ...args: unknown[]): Promise<unknown> {
    const typeId = typeof type === 'string' ? type : this.#typeIdOf(type);
    return callerOf(this.#openDoor(`create ${typeId}`)).call(this.#self, CREATE, [typeId, args]);
  }

  /** As `create`, but blocks this thread. */
  createSync<C extends Registrable>(type: C, ...args: ArgsOf<C>): Proxy<MadeBy<C>>;
  createSync(typeId: string, ...args: unknown[]): unknown;
  createSync(type: string | Registrable, ...args: unknown[]): unknown {
    const typeId = typeof type === 'string' ? type : this.#typeIdOf(type);
    return callerOf(this.#openDoor(`create ${typeId}`)).callSync(this.#self, CREATE, [typeId, args]);
  }

  /** How many objects the server has. @python `_number_of_objects()` */
  async numberOfObjects(): Promise<number> {
    return (await this.#call(COUNT)) as number;
  }

  /** What objects the server has. @python `_debug_info()` */
  async debugInfo(): Promise<{ id: number; typeId: string; holds: number }[]> {
    return (await this.#call(DESCRIBE)) as { id: number; typeId: string; holds: number }[];
  }

  /** Shuts it down where it was started. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'started') await this.shutdown();
  }

  static {
    const hooks = {
      [serialize]: (manager: BaseManager): Sent => ({
        door: manager.#openDoor('send the manager'),
        typeIds: [...typesOf(manager.constructor).keys()],
      }),
      [deserialize](this: typeof BaseManager, { door, typeIds }: Sent): BaseManager {
        const manager = Reflect.construct(BaseManager, [], this) as BaseManager;
        manager.#door = door;
        manager.#state = 'connected';
        for (const typeId of typeIds) if (!(typeId in manager)) addCreator(manager, typeId);
        return manager;
      },
    };
    Object.assign(this, hooks);
  }

  get #self(): { readonly object: number; readonly proxy: unknown } {
    return { object: SERVER, proxy: this };
  }

  async #call(method: string): Promise<unknown> {
    this.#openDoor(method);
    return this.#ask(method);
  }

  async #ask(method: string): Promise<unknown> {
    return callerOf(this.#door as ManagerDoor).call(this.#self, method, []);
  }

  #plan(door: ManagerDoor): ServerPlan {
    return {
      name: this.#options.name ?? this.constructor.name,
      door,
      types: [...typesOf(this.constructor).values()].map(sendable),
    };
  }

  #typeIdOf(callable: Registrable): string {
    for (const [typeId, type] of typesOf(this.constructor)) if (type.callable === callable) return typeId;
    throw new TypeError(`Cannot create ${callable.name || 'an object'}: it is not registered with ${this.constructor.name}`);
  }

  #openDoor(act: string): ManagerDoor {
    if (this.#state === 'shut down') throw new ClosedError(`Cannot ${act}: the manager was shut down`);
    if (this.#door === undefined) throw new InvalidStateError(`Cannot ${act}: the manager was not started`);
    return this.#door;
  }

  #assertInitial(act: string): void {
    if (this.#state === 'shut down') throw new ClosedError(`Cannot ${act} the manager: it was shut down`);
    if (this.#state !== 'initial') throw new InvalidStateError(`Cannot ${act} the manager: it was started already`);
  }

  /** @throws Why it does not come to serve. */
  async #whenServing(process: Process): Promise<void> {
    const ended = process.sentinel.ready.then(async () => {
      const gone = `Cannot start the manager: its server process ended with exit code ${process.exitCode}`;
      throw ((await process.exception()) as Error | null) ?? new ManagerDiedError(gone);
    });
    ended.catch(() => undefined); // it may end at any later time
    try {
      await Promise.race([this.#call(PING), ended]);
    } catch (error) {
      this.#state = 'shut down';
      disconnect(this.#door as ManagerDoor);
      throw error instanceof ManagerDiedError ? ((await process.exception()) ?? error) : error;
    }
  }

  async #end(process: Process, stepMs: number): Promise<void> {
    const asked = this.#ask(SHUTDOWN).catch(() => undefined); // it may be dead already
    if (await hasEnded(process, stepMs)) return;
    process.terminate();
    if (await hasEnded(process, stepMs)) return;
    process.kill();
    await process.exception();
    await asked;
  }
}

/** Waits so long for the end of a process; whether it came. */
async function hasEnded(process: Process, ms: number): Promise<boolean> {
  try {
    await process.exception(ms);
    return true;
  } catch (error) {
    if (error instanceof TimeoutError) return false;
    throw error;
  }
}

function addCreator(target: object, typeId: string): void {
  const value = function create(this: BaseManager, ...args: unknown[]): Promise<unknown> {
    return this.create(typeId, ...args);
  };
  Object.defineProperty(target, typeId, { value, configurable: true, writable: true, enumerable: false });
}

/** Without what only this process needs. */
function sendable(type: RegisteredType): RegisteredType {
  return type.isBuiltin === true ? { typeId: type.typeId, callable: undefined, isBuiltin: true } : type;
}

function checkOptions({ shutdownTimeout, name, context }: ManagerOptions): void {
  if (context !== undefined) checkContext('create a manager', context);
  if (shutdownTimeout !== undefined && typeof shutdownTimeout !== 'number')
    throw new TypeError(
      `Cannot create a manager: shutdownTimeout must be a number of milliseconds, received ${String(shutdownTimeout)}`,
    );
  if (shutdownTimeout !== undefined && !(shutdownTimeout >= 0))
    throw new RangeError(`Cannot create a manager: shutdownTimeout must be at least 0 ms, received ${shutdownTimeout}`);
  if (name !== undefined && typeof name !== 'string')
    throw new TypeError(`Cannot create a manager: name must be a string, received ${String(name)}`);
}

const SHUTDOWN_MS = 1_000;
