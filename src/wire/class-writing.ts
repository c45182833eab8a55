/**
 * Instances of users' classes on the wire: a reference to the class, and the own fields.
 *
 * Runs in every process that sends. Methods work at the receiver, because the class travels like any other function.
 * Subclasses of Array, Map, Set and Error keep what those hold.
 */
import { types } from 'node:util';
import { serialize } from './class-hooks.js';
import { INSTANCE_TAG, KIND, type UserClass } from './class-reading.js';
import type { ValueWriter } from './codec-types.js';
import { sourceOf } from './definition-body.js';
import { receivedFunctions } from './definitions.js';
import type { Encoder } from './encoder.js';
import { errorClassOf } from './error-classes.js';
import { isError, writeErrorFields } from './error-objects.js';
import { extensionByTag } from './extensions.js';
import { describeFunction } from './function-describe.js';
import { cannotSend, nodeInstance, privateInstance } from './function-errors.js';
import { globalPath } from './function-globals.js';
import { hasPrivateMembers, inspectFunction, inspectorAvailable } from './inspector-session.js';
import { scriptUrl } from './inspector-scripts.js';
import { findInBuiltins } from './module-definitions.js';

/** Whether this is an instance of a user's class that no other extension takes. */
export function matchesInstance(value: object): boolean {
  const userClass = classOf(value);
  if (userClass === undefined || isExotic(value) || isClaimed(value)) return false;
  return !isError(value) || (!errorClassOf(value).exact && canDescribe(userClass));
}

/** Writes an instance. @throws {SerializationError} If it has state that cannot be seen from outside. */
export function writeInstance(value: object, out: ValueWriter): void {
  const userClass = classOf(value) as UserClass;
  const hook = userClass[serialize];
  if (hook === undefined) checkFields(value, userClass, out);
  out.value(userClass, '.constructor');
  if (hook !== undefined) {
    out.u8(KIND.HOOK);
    out.value(hook.call(userClass, value), '[serialize]()');
  } else if (isError(value)) {
    out.u8(KIND.ERROR);
    writeErrorFields(value, out as Encoder);
  } else if (types.isMap(value)) {
    out.u8(KIND.MAP);
    writeItems([...value].flat(1), out);
    writeFields(value, out);
  } else if (types.isSet(value)) {
    out.u8(KIND.SET);
    writeItems([...value], out);
    writeFields(value, out);
  } else if (Array.isArray(value)) {
    out.u8(KIND.ARRAY);
    out.varint(value.length);
    writeFields(value, out);
  } else {
    out.u8(KIND.OBJECT);
    writeFields(value, out);
  }
}

function writeItems(items: readonly unknown[], out: ValueWriter): void {
  out.varint(items.length);
  items.forEach((item, i) => out.value(item, `[${i}]`));
}

function writeFields(value: object, out: ValueWriter): void {
  const keys = Object.keys(value);
  out.varint(keys.length);
  for (const key of keys) {
    out.string(key);
    out.value(
      (value as Record<string, unknown>)[key],
      /^[\w$]+$/.test(key) && !/^\d/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
    );
  }
}

/** Refuses state that cannot be seen from outside. */
function checkFields(value: object, userClass: UserClass, out: ValueWriter): void {
  for (const each of classChain(userClass)) {
    const module = receivedFunctions.has(each) ? undefined : nodeModuleOf(each);
    if (module !== undefined && each.name !== 'EventEmitter') {
      throw cannotSend(out.path(), nodeInstance(each.name, module, out.path()), out.path());
    }
    if (
      module === undefined &&
      /#[\p{ID_Start}$_]/u.test(sourceOf(each)) &&
      (!inspectorAvailable() || hasPrivateMembers(value))
    ) {
      throw cannotSend(out.path(), privateInstance(userClass.name, out.path()), out.path());
    }
  }
}

/** The module of Node that a class belongs to. */
function nodeModuleOf(userClass: object): string | undefined {
  let known = nodeModules.get(userClass);
  if (known === undefined) {
    known = findNodeModule(userClass) ?? '';
    nodeModules.set(userClass, known);
  }
  return known === '' ? undefined : known;
}

function findNodeModule(userClass: object): string | undefined {
  const found = findInBuiltins(userClass);
  if (found?.module.body.kind === 'module') return found.module.body.specifier;
  if (globalPath(userClass) !== undefined) return 'Node';
  if (!inspectorAvailable()) return undefined;
  const inspection = inspectFunction(userClass);
  inspection.release();
  const url = inspection.scriptId === undefined ? '' : scriptUrl(inspection.scriptId);
  return url.startsWith('node:') ? url : undefined;
}

function* classChain(userClass: UserClass): Generator<UserClass> {
  for (let at: unknown = userClass; typeof at === 'function' && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    if (!sourceOf(at).endsWith('[native code] }')) yield at as UserClass;
  }
}

/** The class written in JavaScript whose direct instance this is. */
function classOf(value: object): UserClass | undefined {
  if (types.isProxy(value)) return undefined;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null) return undefined;
  const found: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof found !== 'function' || found.prototype !== prototype || found === Object) return undefined;
  return sourceOf(found).endsWith('[native code] }') ? undefined : (found as UserClass);
}

/** Objects with state that V8 or Node keeps inside, beside Array, Map, Set and Error. */
function isExotic(value: object): boolean {
  return (
    types.isPromise(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isGeneratorObject(value) ||
    types.isExternal(value) ||
    types.isBoxedPrimitive(value) ||
    types.isModuleNamespaceObject(value) ||
    value instanceof WeakRef ||
    value instanceof URL ||
    value instanceof URLSearchParams
  );
}

function isClaimed(value: object): boolean {
  for (let tag = 0; tag < TAGS; tag += 1) {
    const extension = extensionByTag(tag);
    if (extension !== undefined && tag !== INSTANCE_TAG && extension.matches(value)) return true;
  }
  return false;
}

/** An error whose class cannot travel goes as its nearest known class instead. */
function canDescribe(userClass: UserClass): boolean {
  try {
    describeFunction(userClass, '');
    return true;
  } catch {
    return false;
  }
}

const TAGS = 64;
const nodeModules = new WeakMap<object, string>();
