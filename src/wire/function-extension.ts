/**
 * Functions, classes and modules on the wire.
 *
 * Runs in every process. A function is written as the number of its definition; one that travels by value adds a
 * number for the object itself, its captured values and its own properties.
 */
import { types } from 'node:util';
import { DeserializationError, SerializationError } from '../errors.js';
import { instanceExtension } from './class-instances.js';
import type { Encoded, ValueReader, ValueWriter, WireExtension } from './codec-types.js';
import { encodeValue } from './codec.js';
import type { SourceBody } from './definition-body.js';
import { heldDefinition, loadedModule, receivedFunctions, type HeldDefinition } from './definitions.js';
import { registerExtension } from './extensions.js';
import { INTEROP, ModuleReference } from './function-captures.js';
import { describeFunction } from './function-describe.js';
import { nameOf } from './function-errors.js';
import { isStable, sentFunction } from './function-memory.js';
import { unitOf, type FunctionUnit } from './function-rebuild.js';
import { memberOf, valueAt } from './module-members.js';
import { namespaceReference } from './module-namespaces.js';

/** Adds functions, classes, modules and class instances to the codec. Call it once in every process. */
export function registerFunctionExtensions(): void {
  registerExtension(functionExtension);
  registerExtension(moduleExtension);
  registerExtension(instanceExtension);
}

/** A function as a message of its own. */
export interface EncodedFunction {
  readonly encoded: Encoded;
  /** Whether the message is the same every time: it may be sent once per receiver and named by a number afterwards. */
  readonly stable: boolean;
}

/**
 * Encodes a task function or class. Captured values are read at each call.
 *
 * @throws {TypeError} If it is no function.
 * @throws {SerializationError} If it cannot be sent.
 */
export function encodeFunction(fn: unknown): EncodedFunction {
  if (typeof fn !== 'function') throw new TypeError(`Cannot send a task: it must be a function or class, received ${String(fn)}`);
  const known = encodedFunctions.get(fn);
  if (known !== undefined) return known;
  const encoded = encodeValue(fn, 'fn');
  const result = { encoded, stable: isStable(fn) };
  if (result.stable) encodedFunctions.set(fn, result);
  return result;
}

const functionExtension: WireExtension = {
  tag: 0,
  name: 'function',
  matches: (value) => typeof value === 'function',
  encode: writeFunction,
  decode: readFunction,
};

const moduleExtension: WireExtension = {
  tag: 1,
  name: 'module',
  matches: (value) => value instanceof ModuleReference || types.isModuleNamespaceObject(value),
  encode(value, out) {
    const reference = value instanceof ModuleReference ? value : namespaceReference(value, out.path());
    out.definition(reference.module.definition);
    out.varint(reference.path.length);
    for (const key of reference.path) out.string(key);
  },
  decode(input) {
    const module = loadedModule(input.definition());
    const path = Array.from({ length: input.varint() }, () => input.string());
    const isWrapped = path.at(-1) === INTEROP;
    const found = valueAt(module.value, isWrapped ? path.slice(0, -1) : path);
    if ((typeof found !== 'object' && typeof found !== 'function') || found === null) {
      throw new DeserializationError(`There is no object '${path.join('.')}' in ${module.body.specifier} as this process loaded it`);
    }
    const object: object = isWrapped ? { ...found, default: found } : found;
    input.register(object);
    return object;
  },
};

function writeFunction(fn: object, out: ValueWriter): void {
  const { held, token, captures } = describeFunction(fn, out.path());
  out.definition(held.definition);
  if (held.body.kind !== 'source') return;
  const { names, isClass } = held.body;
  out.varint(token);
  names.forEach((name, i) => writeCaptured(fn, held.body as SourceBody, name, captures[i], out));
  const own = isClass ? [] : Object.keys(fn);
  out.varint(own.length);
  for (const key of own) {
    out.string(key);
    out.value((fn as Record<string, unknown>)[key], `.${key}`);
  }
}

/** A refusal says which function captures the value, besides where it stands in the message. */
function writeCaptured(fn: object, body: SourceBody, name: string, value: unknown, out: ValueWriter): void {
  try {
    out.value(value, `{${name}}`);
  } catch (error) {
    if (!(error instanceof SerializationError) || explained.has(error)) throw error;
    const place = { url: body.url, line: body.line, column: body.column };
    const reason = error.message.replace(/^Cannot send /, '');
    const explanation = new SerializationError(`Cannot send ${nameOf(fn, place)}: it captures '${name}': ${reason}`, {
      path: error.path,
      cause: error.cause,
    });
    explained.add(explanation);
    throw explanation;
  }
}

function readFunction(input: ValueReader): object {
  const held = heldDefinition(input.definition());
  if (held.body.kind === 'source') return readSourceFunction(held, held.body, input);
  const fn = memberOf(held);
  if (!receivedFunctions.has(fn)) receivedFunctions.set(fn, { held, token: 0, captured: () => [] });
  input.register(fn);
  return fn;
}

function readSourceFunction(held: HeldDefinition, body: SourceBody, input: ValueReader): object {
  const token = input.varint();
  const ours = sentFunction(token);
  const known = ours ?? reusable.get(token)?.deref();
  if (known !== undefined) {
    input.register(known);
    const values = readCaptured(body, input);
    if (ours === undefined) units.get(known)?.set(values);
    readOwn(ours === undefined ? known : {}, input);
    return known;
  }
  const unit = unitOf(body);
  const fn = body.early ? readEarlyClass(body, unit, input) : readLateFunction(body, unit, input);
  units.set(fn, unit);
  receivedFunctions.set(fn, { held, token, captured: () => unit.get() });
  if (body.isClass || body.names.length === 0) reusable.set(token, new WeakRef(fn));
  readOwn(fn, input);
  return fn;
}

/** The function exists before its captured values are read, so that cycles find it. */
function readLateFunction(body: SourceBody, unit: FunctionUnit, input: ValueReader): object {
  const fn = unit.create();
  input.register(fn);
  setCaptured(unit, readCaptured(body, input));
  return fn;
}

/**
 * The captured values exist before the class, which reads them while it is made. Whoever captured the class in a
 * cycle meets a stand-in, which is replaced in the variables of functions as soon as the class is there.
 */
function readEarlyClass(body: SourceBody, unit: FunctionUnit, input: ValueReader): object {
  const standIn = new ClassStandIn();
  input.register(standIn.proxy);
  standIns.set(standIn.proxy, standIn);
  setCaptured(unit, readCaptured(body, input));
  const made = unit.create();
  standIn.become(made);
  return made;
}

function setCaptured(unit: FunctionUnit, values: unknown[]): void {
  unit.set(values);
  values.forEach((value, i) => {
    if (typeof value !== 'function') return;
    standIns.get(value)?.onceMade((made) => {
      values[i] = made;
      unit.set(values);
    });
  });
}

function readCaptured(body: SourceBody, input: ValueReader): unknown[] {
  return body.names.map(() => input.value());
}

function readOwn(fn: object, input: ValueReader): void {
  const count = input.varint();
  for (let i = 0; i < count; i += 1) {
    const key = input.string();
    Object.defineProperty(fn, key, { value: input.value(), configurable: true, enumerable: true, writable: true });
  }
}

/** Acts as a class that is still being made; forwards everything to it afterwards. */
class ClassStandIn {
  readonly proxy: object;
  #made: (new (...args: unknown[]) => object) | undefined;
  #waiting: ((made: object) => void)[] = [];
  constructor() {
    const target = (): object => {
      if (this.#made === undefined) throw new ReferenceError('Cannot access a class before it is made');
      return this.#made;
    };
    const forward = (trap: keyof typeof Reflect) => (_: object, ...rest: unknown[]): unknown =>
      (Reflect[trap] as (...args: unknown[]) => unknown)(target(), ...rest);
    this.proxy = new Proxy(class {}, {
      get: forward('get'),
      has: forward('has') as () => boolean,
      set: forward('set') as () => boolean,
      construct: (_, args) => Reflect.construct(target() as new () => object, args) as object,
      getPrototypeOf: forward('getPrototypeOf') as () => object,
    });
  }
  onceMade(act: (made: object) => void): void {
    if (this.#made === undefined) this.#waiting.push(act);
    else act(this.#made);
  }
  become(made: object): void {
    this.#made = made as new () => object;
    for (const act of this.#waiting.splice(0)) act(made);
  }
}

const standIns = new WeakMap<object, ClassStandIn>();
const units = new WeakMap<object, FunctionUnit>();
const reusable = new Map<number, WeakRef<object>>();
const encodedFunctions = new WeakMap<object, EncodedFunction>();
const explained = new WeakSet<Error>();
