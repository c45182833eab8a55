/**
 * Methods of proxies that are calls, but for their limits and for the flow that calls.
 *
 * Runs in clients and servers.
 */
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { holderOf, THREAD } from '../sync/lock-holder.js';
import { FORM } from './protocol.js';
import type { ProxyCore } from './proxy.js';

/** A method of a face. */
export type FaceMethod = (core: ProxyCore, ...args: unknown[]) => unknown;

/** Methods by their names, each with the arguments that it takes. */
export type FaceMethods = Readonly<Record<string | symbol, (core: ProxyCore, ...args: never[]) => unknown>>;

/** Calls a method. Never throws: what goes wrong rejects. */
export function callMethod(
  core: ProxyCore,
  method: string,
  args: readonly unknown[] = [],
  signal?: AbortSignal,
): Promise<unknown> {
  try {
    return core.caller().call(core, method, args, signal);
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** Calls a method whose argument number `at` is the limit of a wait; of a lock, as the flow that calls. */
export function waiting(name: string, at: number): FaceMethod {
  return (core, ...args) => {
    const { timeout, signal } = waitOptions(args[at] as Wait | undefined);
    return callMethod(core, name, limited(core, args.slice(0, at), timeout), signal);
  };
}

export function waitingSync(name: string, at: number): FaceMethod {
  return (core, ...args) => {
    const { timeout, signal } = waitOptions(args[at] as Wait | undefined);
    signal?.throwIfAborted();
    return core.caller().callSync(core, name, limited(core, args.slice(0, at), timeout));
  };
}

/** The arguments with a number of milliseconds in place of the limit, and the flow behind it. */
function limited(core: ProxyCore, given: unknown[], timeout: number | undefined): unknown[] {
  const flow = flowOf(core);
  if (flow !== undefined) return [...given, timeout, flow];
  return timeout === undefined ? given : [...given, timeout];
}

/** The flow within `run` of this lock, in which the caller is; undefined outside. */
export function flowOf({ form, proxy }: ProxyCore): string | undefined {
  if (form !== FORM.LOCK && form !== FORM.CONDITION) return undefined;
  const holder = holderOf(proxy as object);
  return holder === THREAD ? undefined : holder.description;
}

/** Calls a method as the flow that calls. */
export function asFlow(name: string, defaults: readonly unknown[] = []): FaceMethod {
  return (core, ...args) => callMethod(core, name, withFlow(core, args, defaults));
}

export function asFlowSync(name: string, defaults: readonly unknown[] = []): FaceMethod {
  return (core, ...args) => core.caller().callSync(core, name, withFlow(core, args, defaults));
}

function withFlow(core: ProxyCore, args: readonly unknown[], defaults: readonly unknown[]): unknown[] {
  return [...defaults.map((value, i) => (i < args.length ? args[i] : value)), flowOf(core)];
}
