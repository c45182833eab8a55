/**
 * The faces of a Namespace: its names are attributes, not methods.
 *
 * Runs in clients and servers. `await ns.name` reads one, `ns.sync.name` too, and that can be assigned.
 */
import type { ProxyCore } from './proxy.js';

/** Reads attributes by `await ns.name`; names of methods stay methods. */
export function namespaceHandler(core: ProxyCore, methods: ProxyHandler<object>): ProxyHandler<object> {
  return {
    ...methods,
    get(target, key, receiver) {
      if (!isAttribute(key)) return methods.get?.(target, key, receiver) as unknown;
      const read = async () => core.caller().call(core, 'get', [key]);
      return lazy(read);
    },
    set(_target, key) {
      throw new TypeError(
        `Cannot set ${String(key)} of a namespace without waiting: use await ns.set(${JSON.stringify(String(key))}, value), or ns.sync.${String(key)} = value`,
      );
    },
  };
}

/** Reads and writes attributes as properties. */
export function namespaceSyncHandler(core: ProxyCore, methods: ProxyHandler<object>): ProxyHandler<object> {
  const call = (method: string, ...args: unknown[]) => core.caller().callSync(core, method, args);
  return {
    ...methods,
    get: (target, key, receiver) => (isAttribute(key) ? call('get', key) : (methods.get?.(target, key, receiver) as unknown)),
    set(_target, key, value) {
      if (!isAttribute(key)) throw new TypeError(`Cannot set ${String(key)} of a namespace: that name has a meaning of its own`);
      call('set', key, value);
      return true;
    },
    deleteProperty(_target, key) {
      if (isAttribute(key)) call('delete', key);
      return true;
    },
    has: (_target, key) => typeof key === 'string' && Boolean(call('has', key)),
    ownKeys: () => call('keys') as string[],
    getOwnPropertyDescriptor: (_target, key) =>
      typeof key === 'string' && Boolean(call('has', key))
        ? { value: call('get', key), enumerable: true, configurable: true, writable: true }
        : undefined,
  };
}

/** What is asked for by `await`, `then` or `catch`, and not before. */
function lazy(read: () => Promise<unknown>): PromiseLike<unknown> {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- it is to be awaited
    then: (onValue, onError) => read().then(onValue, onError),
  };
}

/** Names that are those of methods of a namespace cannot be read as attributes; `ns.get(name)` reads them. */
function isAttribute(key: string | symbol): key is string {
  return typeof key === 'string' && !RESERVED.has(key);
}

const RESERVED: ReadonlySet<string> = new Set(
  'get set update delete has keys entries copy sync then toString toJSON constructor'.split(' '),
);
