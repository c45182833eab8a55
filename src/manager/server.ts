/**
 * The server of a manager: has the objects, and carries out what clients call.
 *
 * Runs in the server process of a manager, or wherever somebody calls `getServer()`. One thread: a method runs to its
 * first `await` without another one between.
 */
import { Connection } from '../channel/connection.js';
import { ClosedError, InvalidStateError, QueueShutDownError } from '../errors.js';
import type { PlainRequest } from '../proxies/courier.js';
import { FamilyCourier } from '../proxies/family-courier.js';
import {
  ACK,
  CANCEL,
  COPY,
  COUNT,
  CREATE,
  DESCRIBE,
  FORM,
  HELLO,
  ITERATE,
  NEXT,
  PING,
  RETURN,
  SERVER,
  SHUTDOWN,
} from '../proxies/protocol.js';
import { coreOf } from '../proxies/proxy.js';
import { dropPiece } from '../sharing/shared-kinds.js';
import { builtinType, type Maker } from './builtin-types.js';
import type { CallContext } from './call-context.js';
import { LocalCaller } from './local-caller.js';
import { HostedObjects, type HostedObject, type HostedType, methodOf, plainType } from './hosted.js';
import { asIterator, HostedIterator, iteratorOf } from './hosted-iterator.js';
import { callable } from '../process/callable.js';
import { currentName } from '../process/identity.js';
import type { RegisteredType, ServerPlan } from './server-plan.js';
import { type Dispatcher, Session } from './session.js';

export class Server implements Dispatcher {
  readonly origin: { readonly name: string; readonly pid: number };
  readonly #plan: ServerPlan;
  readonly #objects: HostedObjects;
  readonly #types = new Map<string, Maker>();
  readonly #sessions = new Set<Session>();
  readonly #fresh = new WeakSet<object>();
  #serving: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  /** @internal Managers make them. */
  constructor(plan: ServerPlan) {
    this.#plan = plan;
    this.origin = { name: currentName(), pid: process.pid };
    this.#objects = new HostedObjects(plan.door);
    for (const type of plan.types) this.#types.set(type.typeId, makerOf(type));
  }

  /** Serves until the manager is shut down. @throws {InvalidStateError} If it serves already. */
  serveForever(): Promise<void> {
    if (this.#serving !== undefined) throw new InvalidStateError('Cannot serve: the server runs already');
    this.#serving = this.#serve();
    return this.#serving;
  }

  /** Ends it: clients get `ClosedError` from now on. */
  stop(): void {
    this.#plan.door.shutDown();
    this.#stopping.abort();
  }

  dispatch(session: Session, request: PlainRequest): void {
    const { call } = request;
    let result: unknown;
    try {
      result = this.#call(session, request);
    } catch (error) {
      session.answer(call, { error });
      return;
    }
    if (result instanceof Promise)
      result.then(
        (value) => this.#answer(session, request, value),
        (error: unknown) => session.answer(call, { error }),
      );
    else this.#answer(session, request, result);
  }

  sessionEnded(session: Session): void {
    this.#sessions.delete(session);
    this.#objects.collect(true);
  }

  /** The proxy of an object that shall be hosted. */
  host(object: object, typeId?: string): object {
    return this.#objects.host(object, typeId === undefined ? plainType(object) : this.#typeOf(typeId));
  }

  async #serve(): Promise<void> {
    const { door } = this.#plan;
    const { signal } = this.#stopping;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    door.enterServer();
    door.caller = new LocalCaller(this);
    running.add(this);
    void this.#collect();
    void this.#accept();
    await stopped;
    running.delete(this);
    this.#objects.forgetAll();
    door.caller = undefined;
    door.connections.close();
    await new Promise(setImmediate); // the answer to whoever stopped it is on its way
    for (const session of this.#sessions) session.close();
  }

  async #accept(): Promise<void> {
    try {
      for (;;) this.#open(await this.#plan.door.connections.get());
    } catch (error) {
      if (!(error instanceof ClosedError || error instanceof QueueShutDownError)) throw error;
    }
  }

  #open(connection: Connection): void {
    const session = new Session(new FamilyCourier(Connection.transportOf(connection)), this);
    this.#sessions.add(session);
    void session.serve().finally(() => connection.close());
  }

  async #collect(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#plan.door.whenForgotten(this.#stopping.signal).catch(() => undefined);
      this.#objects.collect(false);
    }
  }

  #call(session: Session, { call, object, method, args }: PlainRequest): unknown {
    if (object === SERVER) return this.#ownMethod(session, method, args);
    return this.invoke(this.#hosted(object), method, args, () => session.contextOf(call));
  }

  /** Calls a method of an object. */
  invoke(hosted: HostedObject, method: string, args: readonly unknown[], context: () => CallContext): unknown {
    const { object, type } = hosted;
    if (method.startsWith('#')) return this.#ofEveryObject(hosted, method);
    const found = methodOf(hosted, method);
    const given = type.takesCall === true ? [context(), ...args] : args;
    const result = found.apply(object, given as unknown[]);
    const typeId = type.methodToTypeId?.[method];
    if (typeId === undefined) return result;
    const host = (value: unknown) => this.#hostFresh(value, this.#typeOf(typeId), `the result of ${method}()`);
    return result instanceof Promise ? result.then(host) : host(result);
  }

  hostedOf(id: number): HostedObject {
    return this.#hosted(id);
  }

  /** What a caller gets for what a method returned. */
  resultOf(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const iterator = asIterator(value);
    return iterator === undefined ? value : this.#hostFresh(iterator, ITERATOR, 'an iterator');
  }

  /** Whether a proxy was made for an answer: who sends it wants no hold of its own. */
  isFresh(proxy: unknown): boolean {
    return this.#fresh.delete(proxy as object);
  }

  /** Makes an object of a registered type. */
  create(typeId: string, args: readonly unknown[]): unknown {
    const type = this.#typeOf(typeId);
    if (type.make === undefined)
      throw new TypeError(`Cannot create ${typeId}: it is registered without a callable in the server`);
    const made = (type.make as (...given: unknown[]) => unknown)(
      ...args.map((value) => (type.form === FORM.CONDITION ? (this.#objects.behind(value) ?? value) : value)),
    );
    const host = (object: unknown) => this.#hostFresh(object, type, 'what its callable made');
    return made instanceof Promise ? made.then(host) : host(made);
  }

  #hostFresh(object: unknown, type: HostedType, what: string): object {
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null)
      throw new TypeError(`Cannot host ${what} as ${type.typeId}: it must be an object, received ${String(object)}`);
    if (coreOf(object) !== undefined) return object;
    const iterator = type === ITERATOR ? undefined : asIterator(object);
    if (iterator !== undefined) return this.#hostFresh(iterator, ITERATOR, what);
    const proxy = this.#objects.host(object, type);
    this.#fresh.add(proxy);
    return proxy;
  }

  #answer(session: Session, { call, object, method }: PlainRequest, result: unknown): void {
    if (object !== SERVER && result === this.#objects.get(object)?.object && method !== COPY) {
      session.answer(call, { kind: 'self' });
      return;
    }
    let value: unknown;
    try {
      value = this.resultOf(result);
    } catch (error) {
      session.answer(call, { error });
      return;
    }
    session.answer(call, { kind: 'value', value });
    if (this.isFresh(value)) dropPiece(value as object); // the answer holds it
  }

  #ownMethod(session: Session, method: string, args: readonly unknown[]): unknown {
    switch (method) {
      case CREATE:
        return this.create(args[0] as string, args[1] as unknown[]);
      case HELLO:
        return session.introduce(args[0], args[1]);
      case ACK:
        return session.confirm(args[0]);
      case CANCEL:
        return session.cancel(args[0]);
      case PING:
        return undefined;
      case SHUTDOWN:
        setImmediate(() => this.stop());
        return undefined;
      case COUNT:
        return this.#objects.size;
      case DESCRIBE:
        return [...this.#objects.all()].map(({ id, type, holds }) => ({ id, typeId: type.typeId, holds }));
      default:
        throw new TypeError(`Cannot call ${method}() of a manager: there is no such method`);
    }
  }

  #ofEveryObject({ object, type }: HostedObject, method: string): unknown {
    if (object instanceof HostedIterator) {
      if (method === NEXT) return object.next();
      if (method === RETURN) return object.return();
    }
    if (method === ITERATE) return this.#hostFresh(iteratorOf(object, type.typeId), ITERATOR, 'an iterator');
    if (method === COPY)
      return typeof Reflect.get(object, 'copy') === 'function' ? (object as { copy(): unknown }).copy() : object;
    throw new TypeError(`Cannot call ${method}() of ${type.typeId}: there is no such method`);
  }

  #hosted(id: number): HostedObject {
    const hosted = this.#objects.get(id);
    if (hosted === undefined) throw new ClosedError('Cannot call: the manager has no such object any more');
    return hosted;
  }

  #typeOf(typeId: string): Maker {
    const type = this.#types.get(typeId);
    if (type === undefined) throw new TypeError(`Cannot create ${String(typeId)}: no such type is registered`);
    return type;
  }
}

/** Runs as a process of its own. */
export async function serveManager(plan: ServerPlan): Promise<void> {
  process.on('SIGINT', () => {}); // Ctrl-C is the business of whoever started the manager
  const server = new Server(plan);
  if (plan.initializer !== undefined) await (plan.initializer as (...args: unknown[]) => unknown)(...(plan.initArgs ?? []));
  await server.serveForever();
}

/** The servers of this thread. */
const running = new Set<Server>();

/** The server whose code runs here; undefined outside of servers. */
export function currentServer(): Server | undefined {
  return [...running].at(-1);
}

const ITERATOR: HostedType = {
  typeId: 'iterator',
  form: FORM.ITERATOR,
  forget: (iterator: HostedIterator) => iterator.return(),
};

function makerOf(type: RegisteredType): Maker {
  if (type.isBuiltin === true) return builtinType(type.typeId);
  const { typeId, exposed, methodToTypeId } = type;
  const make = type.callable === undefined ? undefined : callable(type.callable);
  return { typeId, form: FORM.OBJECT, exposed: exposed === undefined ? undefined : new Set(exposed), methodToTypeId, make };
}
