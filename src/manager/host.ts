/**
 * What a server does for its clients: makes objects, calls their methods, and hosts what those return.
 *
 * Runs in servers only. One thread: a method runs to its first `await` without another one between.
 */
import { ClosedError } from '../errors.js';
import { callable } from '../process/callable.js';
import { currentName } from '../process/identity.js';
import type { PlainRequest } from '../proxies/courier.js';
import { COPY, FORM, ITERATE, NEXT, RETURN, SERVER } from '../proxies/protocol.js';
import { coreOf } from '../proxies/proxy.js';
import { dropPiece } from '../sharing/shared-kinds.js';
import { builtinType, type Maker } from './builtin-types.js';
import type { CallContext } from './call-context.js';
import { type HostedObject, HostedObjects, type HostedType, methodOf, plainType } from './hosted.js';
import { asIterator, HostedIterator, iteratorOf } from './hosted-iterator.js';
import type { LocalServer } from './local-caller.js';
import type { RegisteredType, ServerPlan } from './server-plan.js';
import type { Dispatcher, Session } from './session.js';

/** Carries out what is asked of the server itself. */
export type OwnMethods = (session: Session, method: string, args: readonly unknown[]) => unknown;

export class Host implements Dispatcher, LocalServer {
  readonly origin: { readonly name: string; readonly pid: number };
  readonly objects: HostedObjects;
  readonly #types = new Map<string, Maker>();
  readonly #own: OwnMethods;
  /** Proxies that were made for an answer. */
  readonly #fresh = new WeakSet<object>();
  #ended = false;

  constructor(plan: ServerPlan, own: OwnMethods) {
    this.origin = { name: currentName(), pid: process.pid };
    this.objects = new HostedObjects(plan.door);
    this.#own = own;
    for (const type of plan.types) this.#types.set(type.typeId, makerOf(type));
  }

  /** Ends it: objects are let go of, and what is asked from now on learns of the end by that of its connection. */
  end(): void {
    this.#ended = true;
    this.objects.forgetAll();
  }

  dispatch(session: Session, request: PlainRequest): void {
    if (this.#ended) return;
    let result: unknown;
    try {
      result = this.#call(session, request);
    } catch (error) {
      session.answer(request.call, { error });
      return;
    }
    if (result instanceof Promise)
      result.then(
        (value) => this.#answer(session, request, value),
        (error: unknown) => session.answer(request.call, { error }),
      );
    else this.#answer(session, request, result);
  }

  /** The proxy of an object that shall be hosted. */
  host(object: object, typeId?: string): object {
    return this.objects.host(object, typeId === undefined ? plainType(object) : this.#typeOf(typeId));
  }

  invoke(hosted: HostedObject, method: string, args: readonly unknown[], context: () => CallContext): unknown {
    const { object, type } = hosted;
    if (method.startsWith('#')) return this.#ofEveryObject(hosted, method);
    const found = methodOf(hosted, method);
    const given = type.takesCall === true ? [context(), ...args] : args;
    const result = found.apply(object, given as unknown[]);
    const typeId = type.methodToTypeId?.get(method);
    if (typeId === undefined) return result;
    const host = (value: unknown) => this.#hostFresh(value, this.#typeOf(typeId), `the result of ${method}()`);
    return result instanceof Promise ? result.then(host) : host(result);
  }

  hostedOf(id: number): HostedObject {
    const hosted = this.objects.get(id);
    if (hosted === undefined) throw new ClosedError('Cannot call: the manager has no such object any more');
    return hosted;
  }

  resultOf(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const iterator = asIterator(value);
    return iterator === undefined ? value : this.#hostFresh(iterator, ITERATOR, 'an iterator');
  }

  isFresh(proxy: unknown): boolean {
    return this.#fresh.delete(proxy as object);
  }

  /** Makes an object of a registered type. @param ofFamily Whether it is a member of the family that asks. */
  create(typeId: string, args: readonly unknown[], ofFamily = true): unknown {
    const type = this.#typeOf(typeId);
    if (type.make === undefined)
      throw new TypeError(`Cannot create ${typeId}: it is registered without a callable in the server`);
    if (type.familyOnly === true && !ofFamily)
      throw new TypeError(`Cannot create ${typeId} over a socket: it is of no use without functions, which do not travel there`);
    const made = (type.make as (...given: unknown[]) => unknown)(
      ...args.map((value) => (type.form === FORM.CONDITION ? (this.objects.behind(value) ?? value) : value)),
    );
    const host = (object: unknown) => this.#hostFresh(object, type, 'what its callable made');
    return made instanceof Promise ? made.then(host) : host(made);
  }

  #call(session: Session, { call, object, method, args }: PlainRequest): unknown {
    if (object === SERVER) return this.#own(session, method, args);
    return this.invoke(this.hostedOf(object), method, args, () => session.contextOf(call));
  }

  #answer(session: Session, { call, object, method }: PlainRequest, result: unknown): void {
    if (object !== SERVER && result === this.objects.get(object)?.object && method !== COPY) {
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

  #hostFresh(object: unknown, type: HostedType, what: string): object {
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null)
      throw new TypeError(`Cannot host ${what} as ${type.typeId}: it must be an object, received ${String(object)}`);
    if (coreOf(object) !== undefined) return object;
    const iterator = type === ITERATOR ? undefined : asIterator(object);
    if (iterator !== undefined) return this.#hostFresh(iterator, ITERATOR, what);
    const proxy = this.objects.host(object, type);
    this.#fresh.add(proxy);
    return proxy;
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

  #typeOf(typeId: string): Maker {
    const type = this.#types.get(typeId);
    if (type === undefined) throw new TypeError(`Cannot create ${String(typeId)}: no such type is registered`);
    return type;
  }
}

const ITERATOR: HostedType = {
  typeId: 'iterator',
  form: FORM.ITERATOR,
  forget: (iterator: HostedIterator) => iterator.return(),
};

function makerOf(type: RegisteredType): Maker {
  if (type.isBuiltin === true) return builtinType(type.typeId);
  const { typeId, exposed, methodToTypeId } = type;
  return {
    typeId,
    form: FORM.OBJECT,
    exposed: exposed === undefined ? undefined : new Set(exposed),
    methodToTypeId: new Map(Object.entries(methodToTypeId ?? {})),
    make: type.callable === undefined ? undefined : callable(type.callable),
  };
}
