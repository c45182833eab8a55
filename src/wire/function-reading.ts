/**
 * Reads functions, classes and modules from messages.
 *
 * Runs in every process. A function is the number of its definition; one that travels by value adds a number for the
 * object itself, its captured values and its own properties.
 */
import { DeserializationError } from '../errors.js';
import type { ValueReader } from './codec-types.js';
import type { SourceBody } from './definition-body.js';
import { heldDefinition, loadedModule, receivedFunctions, type HeldDefinition } from './definitions.js';
import { ownPrototype, sentFunction } from './function-memory.js';
import { unitOf, type FunctionUnit } from './function-rebuild.js';
import { memberOf, valueAt } from './module-members.js';
import { INTEROP, ModuleReference, referenceTo } from './module-reference.js';

/** Reads a reference to a module or to an object that it exports. */
export function readModule(input: ValueReader): object {
  const held = heldDefinition(input.definition());
  const path: string[] = [];
  for (let rest = input.varint(); rest > 0; rest -= 1) path.push(input.string());
  const known = held.objects?.get(path.join('.'));
  if (known !== undefined) {
    input.register(known);
    return known;
  }
  const module = loadedModule(held.definition.id);
  const isWrapped = path.at(-1) === INTEROP;
  const found = valueAt(module.value, isWrapped ? path.slice(0, -1) : path);
  if ((typeof found !== 'object' && typeof found !== 'function') || found === null) {
    throw new DeserializationError(
      `There is no object '${path.join('.')}' in ${module.body.specifier} as this process loaded it`,
    );
  }
  const object: object = isWrapped ? { ...found, default: found } : found;
  input.register(object);
  void new ModuleReference(held, path, object);
  return object;
}

/** Reads a function or class. @throws {DeserializationError} If its definition is missing, failed to load, or does not fit. */
export function readFunction(input: ValueReader): object {
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
  receivedFunctions.set(fn, { held, token, captured: () => unit.get().map((value) => referenceTo(value) ?? value) });
  if (body.isClass || body.names.length === 0) {
    reusable.set(token, new WeakRef(fn));
    forgotten.register(fn, token);
  }
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
  readProperties(fn, input);
  const prototype = ownPrototype(fn) ?? {};
  if (input.u8() === 1) {
    const base = input.value() as { prototype: object };
    Object.setPrototypeOf(prototype, base.prototype);
  }
  readProperties(prototype, input);
}

function readProperties(object: object, input: ValueReader): void {
  for (let rest = input.varint(); rest > 0; rest -= 1) {
    const key = input.string();
    Object.defineProperty(object, key, { value: input.value(), configurable: true, enumerable: true, writable: true });
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
    const forward =
      (trap: keyof typeof Reflect) =>
      (_: object, ...rest: unknown[]): unknown =>
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
const forgotten = new FinalizationRegistry<number>((token) => {
  if (reusable.get(token)?.deref() === undefined) reusable.delete(token);
});
