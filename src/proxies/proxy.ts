/**
 * Proxies: objects of this thread whose methods are those of an object in the server of a manager.
 *
 * Runs in clients and servers. A proxy has a core (what it stands for), a face of promises, and under `sync` a face that
 * blocks. What a face does here rather than there depends on its form (`faces.ts`); everything else is a call.
 */
import { inspect } from 'node:util';
import type { Caller, CallTarget } from './caller.js';
import { callMethod } from './face-methods.js';
import { type Face, faceOf } from './faces.js';

/** What a proxy stands for. */
export interface ProxyCore extends CallTarget {
  readonly caller: () => Caller;
  readonly form: number;
  readonly typeId: string;
  /** Whatever its kind of handle must know to be sent. */
  readonly place: object;
}

/** Makes a proxy; whoever makes it sees to it that it can be sent and is counted. */
export function makeProxy(parts: Omit<ProxyCore, 'proxy'>): object {
  const core: ProxyCore & { proxy: unknown } = { ...parts, proxy: undefined };
  const face = faceOf(core.form);
  const handler = face.properties === undefined ? asyncHandler(core, face) : face.properties(core, asyncHandler(core, face));
  core.proxy = new Proxy<object>(targetOf(core, ''), handler);
  cores.set(core.proxy as object, core);
  return core.proxy as object;
}

/** What a proxy stands for; undefined for other values. Also of its `sync` face. */
export function coreOf(value: unknown): ProxyCore | undefined {
  return typeof value === 'object' && value !== null ? cores.get(value) : undefined;
}

/** The face that blocks. */
function makeSync(core: ProxyCore, face: Face): object {
  const handler =
    face.syncProperties === undefined ? syncHandler(core, face) : face.syncProperties(core, syncHandler(core, face));
  const sync = new Proxy<object>(targetOf(core, '.sync'), handler);
  cores.set(sync, core);
  return sync;
}

function asyncHandler(core: ProxyCore, face: Face): ProxyHandler<object> {
  const known = new Map<string | symbol, unknown>();
  const find = (key: string | symbol): unknown => {
    if (key === 'sync') return makeSync(core, face);
    const own = face.methods[key as string];
    if (own !== undefined) return (...args: unknown[]) => own(core, ...args);
    if (typeof key === 'symbol') return textOf(core, key, '');
    if (LOCAL.has(key)) return localOf(core, key, '');
    return (...args: unknown[]) => callMethod(core, key, args);
  };
  return { ...REFUSALS, get: (_target, key) => remembered(known, key, find) };
}

function syncHandler(core: ProxyCore, face: Face): ProxyHandler<object> {
  const known = new Map<string | symbol, unknown>();
  const find = (key: string | symbol): unknown => {
    const own = face.syncMethods[key as string];
    if (own !== undefined) return (...args: unknown[]) => own(core, ...args);
    if (typeof key === 'symbol') return textOf(core, key, '.sync');
    if (LOCAL.has(key)) return localOf(core, key, '.sync');
    return (...args: unknown[]) => core.caller().callSync(core, key, args);
  };
  return { ...REFUSALS, get: (_target, key) => remembered(known, key, find) };
}

function remembered(
  known: Map<string | symbol, unknown>,
  key: string | symbol,
  find: (key: string | symbol) => unknown,
): unknown {
  let member = known.get(key);
  if (member === undefined) {
    member = find(key);
    known.set(key, member);
  }
  return member;
}

/** What stands behind a proxy in its own process: only whoever prints the proxy sees it. */
function targetOf(core: ProxyCore, suffix: string): object {
  return Object.create(null, { [inspect.custom]: { value: () => nameOf(core, suffix), configurable: true } }) as object;
}

function textOf(core: ProxyCore, key: symbol, suffix: string): unknown {
  if (key === inspect.custom || key === Symbol.toPrimitive) return () => nameOf(core, suffix);
  return undefined;
}

/** Names that mean something to the language itself: `then` would make a proxy a promise. */
function localOf(core: ProxyCore, key: string, suffix: string): unknown {
  return key === 'toString' ? () => nameOf(core, suffix) : undefined;
}

function nameOf({ typeId, object }: ProxyCore, suffix: string): string {
  return `Proxy(${typeId} #${object})${suffix}`;
}

const LOCAL: ReadonlySet<string> = new Set([
  'then',
  'toString',
  'toJSON',
  'constructor',
  'prototype',
  'asymmetricMatch',
  'nodeType',
]);
const REFUSALS: ProxyHandler<object> = {
  set(_target, key) {
    throw new TypeError(`Cannot set ${String(key)} of a proxy: only methods are called through it`);
  },
  defineProperty(_target, key) {
    throw new TypeError(`Cannot define ${String(key)} of a proxy: only methods are called through it`);
  },
  deleteProperty(_target, key) {
    throw new TypeError(`Cannot delete ${String(key)} of a proxy: only methods are called through it`);
  },
};
const cores = new WeakMap<object, ProxyCore>();
