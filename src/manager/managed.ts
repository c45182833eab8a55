/**
 * For methods that run in a server: results that callers get as proxies.
 *
 * Runs in servers; elsewhere it does nothing.
 */
import { COPY } from '../proxies/protocol.js';
import { coreOf } from '../proxies/proxy.js';
import type { Proxy } from './proxy-types.js';
import { currentServer } from './server.js';

/**
 * Hosts an object in the server that runs this code, and gives its proxy, which may stand anywhere in a result. Outside of
 * a server it gives the object itself.
 *
 * @param options.typeId A registered type that says how. Default: all public methods of the object.
 * @python `mpservice.multiprocessing.server_process.managed`
 */
export function managed<T extends object>(object: T, { typeId }: { typeId?: string } = {}): Proxy<T> {
  if (coreOf(object) !== undefined) return object as unknown as Proxy<T>;
  return (currentServer()?.host(object, typeId) ?? object) as Proxy<T>;
}

/**
 * A copy of the object that a proxy stands for, as far as it can be sent.
 *
 * @throws {TypeError} If it is no proxy.
 * @python `proxy._getvalue()`
 */
export async function getValue(proxy: object): Promise<unknown> {
  const core = coreOf(proxy);
  if (core === undefined) throw new TypeError('Cannot get the value of a proxy: received something that is none');
  return core.caller().call(core, COPY, []);
}
