/**
 * The objects that a server has for its clients, what may be called of them, and by whom they are still wanted.
 *
 * Runs in servers only.
 */
import { createHandle } from '../proxies/managed-handle.js';
import type { ManagerDoor } from '../proxies/manager-door.js';
import { coreOf } from '../proxies/proxy.js';
import { FORM } from '../proxies/protocol.js';
import { Tickets } from '../proxies/tickets.js';
import { pieceOf } from '../sharing/shared-kinds.js';

/** How objects of a type are hosted. */
export interface HostedType {
  readonly typeId: string;
  /** Of its proxies. */
  readonly form: number;
  /** Names of methods that may be called; undefined: all public ones. */
  readonly exposed?: ReadonlySet<string> | undefined;
  /** Types as which the results of methods are hosted. */
  readonly methodToTypeId?: ReadonlyMap<string, string> | undefined;
  /** Whether clients of other families may not have it made. */
  readonly familyOnly?: boolean | undefined;
  /** Whether its methods take the call they belong to as their first argument: they wait, or hold something for a client. */
  readonly takesCall?: boolean | undefined;
  /** Ends an object of which nobody has a proxy any more. */
  readonly forget?: ((object: never) => unknown) | undefined;
}

/** An object that clients have proxies of. */
export interface HostedObject {
  readonly id: number;
  readonly object: object;
  readonly type: HostedType;
  /** Methods that were called already. */
  readonly methods: Map<string, Method>;
  /** Handles and remote holds of it. */
  holds: number;
  /** Ends the hold for a proxy on its way to another family's process. */
  keeping?: NodeJS.Timeout | undefined;
}

/** A method of an object. */
export type Method = (...args: unknown[]) => unknown;

export class HostedObjects {
  readonly #door: ManagerDoor;
  readonly #tickets: Tickets;
  readonly #objects = new Map<number, HostedObject>();
  readonly #byObject = new WeakMap<object, { hosted: HostedObject; proxy: WeakRef<object> }>();
  #ids = 0;

  constructor(door: ManagerDoor) {
    this.#door = door;
    this.#tickets = new Tickets(door.offset);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(id: number): HostedObject | undefined {
    return this.#objects.get(id);
  }

  all(): IterableIterator<HostedObject> {
    return this.#objects.values();
  }

  /** The proxy of an object: the one that there is, or a new one. */
  host(object: object, type: HostedType): object {
    const known = this.#byObject.get(object);
    const proxy = known?.proxy.deref();
    if (proxy !== undefined && pieceOf(proxy) !== undefined) return proxy;
    const hosted = known !== undefined && this.#objects.has(known.hosted.id) ? known.hosted : this.#add(object, type);
    hosted.holds++;
    const { id, type: actual } = hosted;
    const made = createHandle(this.#door, {
      object: id,
      form: actual.form,
      typeId: actual.typeId,
      ticket: this.#tickets.take(id),
    });
    this.#byObject.set(object, { hosted, proxy: new WeakRef(made) });
    return made;
  }

  /** The object of a proxy of this server; undefined if it is another's, or no proxy. */
  behind(value: unknown): object | undefined {
    const core = coreOf(value);
    return core?.place === this.#door ? this.#objects.get(core.object)?.object : undefined;
  }

  /** Holds less; the last lets the object go. */
  release(id: number, count = 1): void {
    const hosted = this.#objects.get(id);
    if (hosted === undefined) return;
    hosted.holds -= count;
    if (hosted.holds <= 0) this.#forget(hosted);
  }

  /** Holds an object as long as a message may be on its way that has a proxy of it. */
  keepForAWhile(id: number): void {
    const hosted = this.#objects.get(id);
    if (hosted === undefined) return;
    if (hosted.keeping !== undefined) {
      hosted.keeping.refresh();
      return;
    }
    hosted.holds++;
    hosted.keeping = setTimeout(() => {
      hosted.keeping = undefined;
      this.release(id);
    }, ON_ITS_WAY_MS);
    hosted.keeping.unref();
  }

  /** Ends all of them. */
  forgetAll(): void {
    for (const hosted of this.#objects.values()) this.#forget(hosted);
  }

  /** Lets those go of which no proxy is left. @param everywhere Also looks where nobody said so, after a death. */
  collect(everywhere: boolean): void {
    for (const id of this.#tickets.collect(everywhere)) this.release(id);
  }

  #add(object: object, type: HostedType): HostedObject {
    const hosted: HostedObject = { id: ++this.#ids, object, type, methods: new Map(), holds: 0 };
    this.#objects.set(hosted.id, hosted);
    return hosted;
  }

  #forget({ id, object, type, keeping }: HostedObject): void {
    this.#objects.delete(id);
    clearTimeout(keeping);
    type.forget?.(object as never);
  }
}

/**
 * The public method of a hosted object.
 *
 * @throws {TypeError} If there is none of that name that may be called.
 */
export function methodOf(hosted: HostedObject, name: string): Method {
  const known = hosted.methods.get(name);
  if (known !== undefined) return known;
  const { object, type } = hosted;
  const found = (type.exposed?.has(name) ?? isPublic(name)) ? findMethod(object, name) : undefined;
  if (found === undefined) throw new TypeError(`Cannot call ${name}() of ${type.typeId}: it has no such public method`);
  hosted.methods.set(name, found);
  return found;
}

/** A type for objects that have none of their own. */
export function plainType(object: object): HostedType {
  return { typeId: object.constructor?.name || 'object', form: FORM.OBJECT };
}

function isPublic(name: string): boolean {
  return name !== 'constructor' && !name.startsWith('_');
}

/** Own, or of a class: nothing that all objects have. */
function findMethod(object: object, name: string): Method | undefined {
  for (let at: object | null = object; at !== null && !isBase(at); at = Object.getPrototypeOf(at) as object | null) {
    const property = Object.getOwnPropertyDescriptor(at, name);
    if (property !== undefined) return typeof property.value === 'function' ? (property.value as Method) : undefined;
  }
  return undefined;
}

function isBase(at: object): boolean {
  return at === Object.prototype || at === Function.prototype;
}

/** Longest time that a proxy of another family's manager may be on its way within a family. */
const ON_ITS_WAY_MS = 600_000;
