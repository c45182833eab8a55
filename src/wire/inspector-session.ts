/**
 * The in-process inspector: where a function stands, which variables it sees, whether an object has `#private` fields.
 *
 * Runs in the process that sends a function, opened at first use (0.1–1 ms). `post` answers synchronously, prints
 * nothing, and slows nothing down: the Debugger domain is on only within one tick (see inspector-scripts.ts).
 * Everything the inspector hands out is released at once, because it pins the function and all it captured.
 */
import type { Session } from 'node:inspector';

/** One scope around a function, from the inside out. */
export interface FunctionScope {
  /** V8's word for it: `Closure (f)`, `Block`, `Module`, `Script`, `Global`. */
  readonly description: string;
  /** Reads the variables that V8 keeps there: a snapshot; reading one in its dead zone throws (not on Node 20). */
  variables(): Record<string, unknown>;
}

/** What the inspector knows of a function, until `release()`. */
export interface FunctionInspection {
  readonly scriptId: string | undefined;
  readonly line: number;
  readonly column: number;
  readonly isBound: boolean;
  readonly scopes: readonly FunctionScope[];
  release(): void;
}

interface RemoteValue {
  readonly objectId?: string;
  readonly description?: string;
  readonly value?: unknown;
}
interface PropertyList {
  readonly result: readonly { readonly name: string; readonly value?: RemoteValue }[];
  readonly internalProperties?: readonly { readonly name: string; readonly value?: RemoteValue }[];
  readonly privateProperties?: readonly { readonly name: string }[];
}

/** Hands values across: reachable from every vm context, which a global variable is not. */
interface Slot {
  value: unknown;
}

let session: Session | undefined;
let slot: Slot | undefined;
let unavailable = false;
let groups = 0;

/** Opens the session if that is possible here: not in Bun, and not under `--permission` without `--allow-inspector`. */
export function inspectorAvailable(): boolean {
  if (session !== undefined) return true;
  if (unavailable) return false;
  try {
    open();
    return true;
  } catch {
    session = undefined;
    unavailable = true;
    return false;
  }
}

/** @throws {Error} What the inspector answers, or if there is none. */
export function post<T>(method: string, params: object = {}): T {
  if (session === undefined) open();
  let failure: Error | null = null;
  let answer: unknown;
  session?.post(method, params, (error: Error | null, result: unknown) => {
    failure = error;
    answer = result;
  });
  if (failure !== null) throw new Error(`inspector ${method} failed`, { cause: failure });
  return answer as T;
}

/** Collects events of one kind while `act` runs. */
export function collectEvents<T>(event: string, act: () => void): T[] {
  if (session === undefined) open();
  const events: T[] = [];
  const listener = (message: { params: T }): void => void events.push(message.params);
  session?.on(event, listener);
  try {
    act();
  } finally {
    session?.removeListener(event, listener);
  }
  return events;
}

/** Looks at a function without calling it. The caller must `release()`. */
export function inspectFunction(fn: object): FunctionInspection {
  const objectGroup = `multiproc-${(groups += 1)}`;
  const release = (): void => void post('Runtime.releaseObjectGroup', { objectGroup });
  try {
    const properties = ownProperties(remote(fn, objectGroup));
    let place = { scriptId: undefined as string | undefined, lineNumber: 0, columnNumber: 0 };
    let scopes: FunctionScope[] = [];
    let isBound = false;
    for (const { name, value } of properties.internalProperties ?? []) {
      if (name === '[[FunctionLocation]]') place = value?.value as typeof place;
      else if (name === '[[Scopes]]' && value?.objectId !== undefined) scopes = scopesOf(value.objectId);
      else if (name === '[[TargetFunction]]') isBound = true;
    }
    return { scriptId: place.scriptId, line: place.lineNumber, column: place.columnNumber, isBound, scopes, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether an object has `#private` fields, methods or accessors. */
export function hasPrivateMembers(object: object): boolean {
  const objectGroup = `multiproc-${(groups += 1)}`;
  try {
    return (ownProperties(remote(object, objectGroup)).privateProperties?.length ?? 0) > 0;
  } finally {
    post('Runtime.releaseObjectGroup', { objectGroup });
  }
}

function open(): void {
  const inspector = process.getBuiltinModule('node:inspector');
  const holder = inspector.Session as unknown as Record<string, Slot | undefined>;
  if (holder[SLOT] === undefined) {
    Object.defineProperty(holder, SLOT, { value: { value: undefined }, configurable: true });
  }
  slot = holder[SLOT];
  const opened = new inspector.Session();
  opened.connect();
  session = opened;
}

function remote(object: object, objectGroup: string): string {
  const shared = slotOf();
  shared.value = object;
  try {
    const { result } = post<{ result: RemoteValue }>('Runtime.evaluate', { expression: READ_SLOT, objectGroup, silent: true });
    if (result.objectId === undefined) throw new Error('inspector has no handle for the function');
    return result.objectId;
  } finally {
    shared.value = undefined;
  }
}

function ownProperties(objectId: string): PropertyList {
  return post<PropertyList>('Runtime.getProperties', { objectId, ownProperties: true });
}

function scopesOf(objectId: string): FunctionScope[] {
  const scopes: FunctionScope[] = [];
  for (const { name, value } of ownProperties(objectId).result) {
    const scopeId = value?.objectId;
    if (scopeId === undefined || !/^\d+$/.test(name)) continue;
    scopes.push({ description: value?.description ?? '', variables: () => readScope(scopeId) });
  }
  return scopes;
}

function readScope(objectId: string): Record<string, unknown> {
  const shared = slotOf();
  post('Runtime.callFunctionOn', { objectId, functionDeclaration: `function () { ${SLOT_TEXT}.value = this }`, silent: true });
  const mirror = shared.value as { object?: Record<string, unknown> } | undefined;
  shared.value = undefined;
  return mirror?.object ?? {};
}

function slotOf(): Slot {
  if (slot === undefined) open();
  return slot as Slot;
}

const SLOT = '__multiproc';
const SLOT_TEXT = `process.getBuiltinModule("node:inspector").Session.${SLOT}`;
const READ_SLOT = `${SLOT_TEXT}.value`;
