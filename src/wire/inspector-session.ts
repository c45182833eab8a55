/**
 * The in-process inspector: where a function stands, which variables it sees, whether an object has `#private` fields.
 *
 * Runs in the process that sends a function, opened at first use (0.1–1 ms). `post` answers synchronously, prints
 * nothing, and slows nothing down: the Debugger domain is on only within one tick (see inspector-scripts.ts).
 * Everything the inspector hands out is released within the tick, because it pins the function and all it captured.
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
  /** From the inside out; to be asked before `release()`. */
  scopes(): readonly FunctionScope[];
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
/** The inspector's handle of `slot`. */
let slotId: string | undefined;
let unavailable = false;
/** Inspections that are going on, one within another. */
let held = 0;
/** Those that are over, while the inspector still has their handles. */
let released = 0;

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

/** Whether it has been used here. */
export function inspectorIsOpen(): boolean {
  return session !== undefined;
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
  held += 1;
  try {
    const properties = ownProperties(remote(fn));
    let place = { scriptId: undefined as string | undefined, lineNumber: 0, columnNumber: 0 };
    let scopesId: string | undefined;
    let isBound = false;
    for (const { name, value } of properties.internalProperties ?? []) {
      if (name === '[[FunctionLocation]]') place = value?.value as typeof place;
      else if (name === '[[Scopes]]') scopesId = value?.objectId;
      else if (name === '[[TargetFunction]]') isBound = true;
    }
    const { scriptId, lineNumber, columnNumber } = place;
    const scopes = lazily(() => (scopesId === undefined ? [] : scopesOf(scopesId)));
    return { scriptId, line: lineNumber, column: columnNumber, isBound, scopes, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether an object has `#private` fields, methods or accessors. */
export function hasPrivateMembers(object: object): boolean {
  held += 1;
  try {
    return (ownProperties(remote(object)).privateProperties?.length ?? 0) > 0;
  } finally {
    release();
  }
}

/** All handles at once: at the end of the tick, after the receiver was woken, or as soon as there are many. */
function release(): void {
  held -= 1;
  released += 1;
  if (released === 1) queueMicrotask(() => queueMicrotask(releaseHandles));
  if (released >= MAX_RELEASED) releaseHandles();
}

function releaseHandles(): void {
  if (held > 0 || released === 0) return;
  released = 0;
  post('Runtime.releaseObjectGroup', { objectGroup: GROUP });
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
  slotId = post<{ result: RemoteValue }>('Runtime.evaluate', { expression: SLOT_TEXT, silent: true }).result.objectId;
}

function remote(object: object): string {
  const shared = slotOf();
  shared.value = object;
  try {
    const call = { objectId: slotId, functionDeclaration: READ, objectGroup: GROUP, silent: true };
    const { result } = post<{ result: RemoteValue }>('Runtime.callFunctionOn', call);
    if (result.objectId === undefined) throw new Error('inspector has no handle for the function');
    return result.objectId;
  } finally {
    shared.value = undefined;
  }
}

function ownProperties(objectId: string): PropertyList {
  return post<PropertyList>('Runtime.getProperties', { objectId, ownProperties: true });
}

/** What the handle of `[[Scopes]]` means in JavaScript: an array of descriptions and objects that have the variables. */
function scopesOf(objectId: string): FunctionScope[] {
  const shared = slotOf();
  post('Runtime.callFunctionOn', { objectId, functionDeclaration: WRITE, arguments: [{ objectId: slotId }], silent: true });
  const mirrors = shared.value as ArrayLike<{ description: string; object?: Record<string, unknown> }>;
  shared.value = undefined;
  return Array.from(mirrors, ({ description, object = {} }) => ({ description, variables: () => object }));
}

function slotOf(): Slot {
  if (slot === undefined) open();
  return slot as Slot;
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const SLOT = '__multiproc';
const SLOT_TEXT = `process.getBuiltinModule("node:inspector").Session.${SLOT}`;
const READ = 'function () { return this.value }';
const WRITE = 'function (slot) { slot.value = this }';
const GROUP = 'multiproc';
const MAX_RELEASED = 32;
