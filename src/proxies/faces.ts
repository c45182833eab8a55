/**
 * What proxies do in their own process rather than in the server, by the form of their object: here, iterating.
 *
 * Runs in clients and servers.
 */
import { QueueShutDownError } from '../errors.js';
import { callMethod, type FaceMethod, waiting, waitingSync } from './face-methods.js';
import {
  conditionMethods,
  conditionSyncMethods,
  lockMethods,
  lockSyncMethods,
  permitMethods,
  permitSyncMethods,
} from './lock-faces.js';
import { namespaceHandler, namespaceSyncHandler } from './namespace-face.js';
import { FORM, ITERATE, type ItemChunk, NEXT, RETURN } from './protocol.js';
import type { ProxyCore } from './proxy.js';

/** The local part of a form. */
export interface Face {
  readonly methods: Readonly<Record<string | symbol, FaceMethod>>;
  readonly syncMethods: Readonly<Record<string | symbol, FaceMethod>>;
  /** Where names are those of attributes. */
  readonly properties?: (core: ProxyCore, methods: ProxyHandler<object>) => ProxyHandler<object>;
  readonly syncProperties?: (core: ProxyCore, methods: ProxyHandler<object>) => ProxyHandler<object>;
}

/** The face of a form. */
export function faceOf(form: number): Face {
  return FACES.get(form) ?? OBJECT;
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
  [FORM.LOCK, face(lockMethods, lockSyncMethods)],
  [FORM.PERMITS, face(permitMethods, permitSyncMethods)],
  [FORM.CONDITION, face(conditionMethods, conditionSyncMethods)],
  [FORM.WAITER, face({ wait: waiting('wait', 0) }, { wait: waitingSync('wait', 0) })],
  [
    FORM.QUEUE,
    face(
      { put: waiting('put', 1), get: waiting('get', 0), join: waiting('join', 0), [Symbol.asyncIterator]: getAll },
      { put: waitingSync('put', 1), get: waitingSync('get', 0), join: waitingSync('join', 0) },
    ),
  ],
  [FORM.NAMESPACE, { ...OBJECT, properties: namespaceHandler, syncProperties: namespaceSyncHandler }],
]);
