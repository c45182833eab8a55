/**
 * What proxies do in their own process rather than in the server: iterate, run code with a lock held, take limits of waits.
 *
 * Runs in clients and servers.
 */
import { QueueShutDownError } from '../errors.js';
import { now } from '../substrate/clock.js';
import { holderOf, newFlow, runAsFlow, THREAD } from '../sync/lock-holder.js';
import { type Wait, waitOptions } from '../substrate/wait-limit.js';
import { namespaceHandler, namespaceSyncHandler } from './namespace-face.js';
import { FORM, ITERATE, type ItemChunk, NEXT, RETURN } from './protocol.js';
import type { ProxyCore } from './proxy.js';

type AnyMethod = (core: ProxyCore, ...args: unknown[]) => unknown;

/** The local part of a form. */
export interface Face {
  readonly methods: Readonly<Record<string | symbol, AnyMethod>>;
  readonly syncMethods: Readonly<Record<string | symbol, AnyMethod>>;
  /** Where names are those of attributes. */
  readonly properties?: (core: ProxyCore, methods: ProxyHandler<object>) => ProxyHandler<object>;
  readonly syncProperties?: (core: ProxyCore, methods: ProxyHandler<object>) => ProxyHandler<object>;
}

/** The face of a form. */
export function faceOf(form: number): Face {
  return FACES.get(form) ?? OBJECT;
}

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
function waiting(name: string, at: number): AnyMethod {
  return (core, ...args) => {
    const { timeout, signal } = waitOptions(args[at] as Wait | undefined);
    return callMethod(core, name, limited(core, args.slice(0, at), timeout), signal);
  };
}

function waitingSync(name: string, at: number): AnyMethod {
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
function flowOf({ form, proxy }: ProxyCore): string | undefined {
  if (form !== FORM.LOCK && form !== FORM.CONDITION) return undefined;
  const holder = holderOf(proxy as object);
  return holder === THREAD ? undefined : holder.description;
}

/** Calls a method as the flow that calls. */
function asFlow(name: string, defaults: readonly unknown[] = []): AnyMethod {
  return (core, ...args) => callMethod(core, name, withFlow(core, args, defaults));
}

function asFlowSync(name: string, defaults: readonly unknown[] = []): AnyMethod {
  return (core, ...args) => core.caller().callSync(core, name, withFlow(core, args, defaults));
}

function withFlow(core: ProxyCore, args: readonly unknown[], defaults: readonly unknown[]): unknown[] {
  return [...defaults.map((value, i) => (i < args.length ? args[i] : value)), flowOf(core)];
}

async function* iterate(core: ProxyCore): AsyncGenerator<unknown, void, undefined> {
  const iterator = (await callMethod(core, ITERATE, [])) as AsyncIterable<unknown>;
  yield* iterator;
}

function* iterateSync(core: ProxyCore): Generator<unknown, void, undefined> {
  const iterator = core.caller().callSync(core, ITERATE, []) as { sync: Iterable<unknown> };
  yield* iterator.sync;
}

/** All that is left of an iterator, in chunks. */
async function* drain(core: ProxyCore): AsyncGenerator<unknown, void, undefined> {
  let isDone = false;
  try {
    while (!isDone) {
      const { items, done } = (await callMethod(core, NEXT, [])) as ItemChunk;
      isDone = done;
      yield* items;
    }
  } finally {
    if (!isDone) core.caller().post(core.object, RETURN, []);
  }
}

function* drainSync(core: ProxyCore): Generator<unknown, void, undefined> {
  let isDone = false;
  try {
    while (!isDone) {
      const { items, done } = core.caller().callSync(core, NEXT, []) as ItemChunk;
      isDone = done;
      yield* items;
    }
  } finally {
    if (!isDone) core.caller().post(core.object, RETURN, []);
  }
}

/** Runs code with a lock held, as a flow of its own unless it is called by the owner. */
async function run(core: ProxyCore, f: () => unknown): Promise<unknown> {
  const flow = newFlow();
  const isNew = await callMethod(core, 'enter', [flowOf(core), flow.description]);
  const within = async () => {
    try {
      return await f();
    } finally {
      await release(core);
    }
  };
  return isNew === true ? runAsFlow(core.proxy as object, within, flow) : within();
}

function runSync(core: ProxyCore, f: () => unknown): unknown {
  acquireSync(core);
  try {
    return f();
  } finally {
    releaseSync(core);
  }
}

function thenSync(method: AnyMethod): AnyMethod {
  return (core, ...args) => {
    method(core, ...args);
    return (core.proxy as { sync: unknown }).sync;
  };
}

async function waitFor(core: ProxyCore, predicate: () => unknown, wait?: Wait): Promise<unknown> {
  const { timeout, signal } = waitOptions(wait);
  const deadline = timeout === undefined ? undefined : now() + timeout;
  for (;;) {
    const value = await predicate();
    const left = deadline === undefined ? undefined : deadline - now();
    if (Boolean(value) || (left !== undefined && left <= 0)) return value;
    await waitOnce(core, { timeout: left, signal });
  }
}

function waitForSync(core: ProxyCore, predicate: () => unknown, wait?: Wait): unknown {
  const { timeout } = waitOptions(wait);
  const deadline = timeout === undefined ? undefined : now() + timeout;
  for (;;) {
    const value = predicate();
    const left = deadline === undefined ? undefined : deadline - now();
    if (Boolean(value) || (left !== undefined && left <= 0)) return value;
    waitOnceSync(core, left);
  }
}

/** Items of a queue until it is shut down. */
async function* getAll(core: ProxyCore): AsyncGenerator<unknown, void, undefined> {
  for (;;) {
    let item: unknown;
    try {
      item = await callMethod(core, 'get', []);
    } catch (error) {
      if (error instanceof QueueShutDownError) return;
      throw error;
    }
    yield item;
  }
}

const waitOnce = waiting('wait', 0);
const waitOnceSync = waitingSync('wait', 0);
const release = asFlow('release');
const releaseSync = asFlowSync('release');
const acquireSync = thenSync(waitingSync('acquire', 0));
/** At the end of a `using` block nobody can wait; the server hears of it before anything that is called later. */
const releaseSoon: AnyMethod = (core) => core.caller().post(core.object, 'release', [flowOf(core)]);

const acquiring = {
  acquire: waiting('acquire', 0),
  recover: waiting('recover', 0),
  tryAcquire: asFlow('tryAcquire'),
  release,
  run,
  [Symbol.dispose]: releaseSoon,
  [Symbol.asyncDispose]: release,
};
const acquiringSync = {
  acquire: acquireSync,
  recover: thenSync(waitingSync('recover', 0)),
  tryAcquire: asFlowSync('tryAcquire'),
  release: releaseSync,
  run: runSync,
  [Symbol.dispose]: releaseSync,
};

/** Of a semaphore: no flow owns a permit. */
async function runWithPermit(core: ProxyCore, f: () => unknown): Promise<unknown> {
  await callMethod(core, 'acquire', []);
  try {
    return await f();
  } finally {
    await callMethod(core, 'release', []);
  }
}

const permits = {
  acquire: waiting('acquire', 0),
  run: runWithPermit,
  [Symbol.dispose]: releaseSoon,
  [Symbol.asyncDispose]: (core: ProxyCore) => callMethod(core, 'release', []),
};
const permitsSync = { acquire: acquireSync, run: runSync, [Symbol.dispose]: releaseSync };

function face(methods: object, syncMethods: object): Face {
  return { methods: table(methods), syncMethods: table(syncMethods) };
}

/** Nothing but these names: a method may have any, such as `valueOf`. */
function table(methods: object): Face['methods'] {
  return Object.assign(Object.create(null) as object, methods) as Face['methods'];
}

const OBJECT: Face = face({ [Symbol.asyncIterator]: iterate }, { [Symbol.iterator]: iterateSync });

const FACES: ReadonlyMap<number, Face> = new Map([
  [FORM.OBJECT, OBJECT],
  [FORM.ITERATOR, face({ [Symbol.asyncIterator]: drain }, { [Symbol.iterator]: drainSync })],
  [FORM.LOCK, face(acquiring, acquiringSync)],
  [FORM.PERMITS, face(permits, permitsSync)],
  [
    FORM.CONDITION,
    face(
      { ...acquiring, wait: waitOnce, waitFor, notify: asFlow('notify', [1]), notifyAll: asFlow('notifyAll') },
      {
        ...acquiringSync,
        wait: waitOnceSync,
        waitFor: waitForSync,
        notify: asFlowSync('notify', [1]),
        notifyAll: asFlowSync('notifyAll'),
      },
    ),
  ],
  [FORM.WAITER, face({ wait: waitOnce }, { wait: waitOnceSync })],
  [
    FORM.QUEUE,
    face(
      { put: waiting('put', 1), get: waiting('get', 0), join: waiting('join', 0), [Symbol.asyncIterator]: getAll },
      { put: waitingSync('put', 1), get: waitingSync('get', 0), join: waitingSync('join', 0) },
    ),
  ],
  [FORM.NAMESPACE, { ...OBJECT, properties: namespaceHandler, syncProperties: namespaceSyncHandler }],
]);
