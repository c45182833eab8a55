/**
 * Every refusal of a function, class or instance, in one place: it names the function, where it stands,
 * the variable, and what to do instead.
 *
 * Runs in the sending process (and, for the arrow's `this`, in the receiving one). Never inspects anything.
 */
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeserializationError, SerializationError } from '../errors.js';
import { workingFolder } from '../native/own-files.js';
import { sourceOf } from './definition-body.js';

/** Where a function stands in its file; line and column count from 0. */
export interface Place {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

/** Names a function or class for a message: `'f' (src/a.ts:12:5)`. */
export function nameOf(fn: { readonly name?: unknown; readonly isClass?: boolean }, place?: Place): string {
  const isClass = typeof fn === 'function' ? /^class\b/.test(sourceOf(fn)) : fn.isClass === true;
  const name = typeof fn.name === 'string' && fn.name !== '' ? `'${fn.name}'` : `an anonymous ${isClass ? 'class' : 'function'}`;
  if (place === undefined || place.url === '') return name;
  return `${name} (${shortFile(place.url)}:${place.line + 1}:${place.column + 1})`;
}

/** A file below the working directory, relative to it; anything else as it is. */
export function shortFile(url: string): string {
  if (!url.startsWith('file:')) return url;
  const file = fileURLToPath(url.replace(/[?#].*$/, ''));
  const here = join(workingFolder(), '/');
  return file.startsWith(here) ? file.slice(here.length) : file;
}

/** `Cannot send <subject>: <reason>`. */
export function cannotSend(subject: string, reason: string, path: string, cause?: unknown): SerializationError {
  return new SerializationError(`Cannot send ${subject}: ${reason}`, cause === undefined ? { path } : { path, cause });
}

/** Node 22 has the permission model, but not yet the flag for the inspector. */
const INSPECTOR_FLAG = Number.parseInt(process.versions.node, 10) >= 24 ? 'with --allow-inspector, or ' : '';
const NOT_INSPECTABLE =
  `captured variables cannot be read, because the inspector is not available (run ${INSPECTOR_FLAG}without --permission). ` +
  'Export it from a module, or use task({ k }, ({ k }) => …)';

export const REASONS = {
  bound: 'it is a bound function; pass an arrow instead: (...args) => f.call(object, ...args)',
  proxy: 'it is a Proxy, whose target and traps cannot be read; pass the function behind it or an arrow that calls it',
  native: 'it is a native function without a global name; pass an arrow that calls it',
  notInspectable: NOT_INSPECTABLE as string,
  eval: 'it uses eval, which could reach any variable around it; move it to a top-level function of a module',
  super: "it uses 'super' outside its class; send the whole class, or move it to a top-level function",
  privateName: 'it uses a #private name outside its class; send the whole class, or move it to a top-level function',
  outerArguments: "it uses 'arguments' of the function around it; copy them first: const args = [...arguments]",
} as const;

/** The text of the function could not be compiled on its own. */
export function doesNotCompile(cause: unknown): string {
  const detail = (cause as { message?: unknown } | null)?.message ?? cause;
  return `its source text cannot stand alone (${String(detail)}); move it to a top-level function of a module`;
}

/** A captured variable is still in its temporal dead zone. */
export function notInitialised(name: string): string {
  return `its captured variable '${name}' is not initialised yet (it is declared later). Start the pool after it`;
}

/** A class of Node or of the engine has no state that could be copied. */
export function nodeInstance(className: string, module: string, path: string): string {
  const advice = isOfResult(path)
    ? 'Return data instead, such as a path, an address or the bytes'
    : 'Create it inside the function or in the module that defines the worker';
  return `it is an instance of ${className} from ${publicModule(module)}, which cannot be copied. ${advice}`;
}

/** The module under which users know what a file of Node's own defines. */
function publicModule(module: string): string {
  const name = /^node:(?:internal\/|_)([a-z]+)/.exec(module)?.[1];
  if (name === undefined) return module;
  const found = [name, name.replace(/s$/, '')].find((each) => isBuiltin(`node:${each}`));
  return found === undefined ? 'Node' : `node:${found}`;
}

function isOfResult(path: string): boolean {
  return /^result\b/.test(path);
}

/** `#private` state is invisible from outside. */
export function privateInstance(className: string, path: string): string {
  const advice = isOfResult(path)
    ? 'return its data'
    : 'export it from a module and import it there: imported values are loaded in the child instead of copied';
  return (
    `instance of class '${className}' with #private fields cannot be copied. ` +
    `Give the class static [serialize] and [deserialize] methods, or ${advice}`
  );
}

/** A module could not be loaded by the receiver. */
export function importFailed(what: string, cause: unknown): DeserializationError {
  const detail = (cause as { message?: unknown } | null)?.message ?? cause;
  return new DeserializationError(`Child could not import ${what}: ${String(detail)}`, { cause });
}

/** The receiver has a function of that name, with another text. */
export function textDiffers(name: string, url: string): DeserializationError {
  return new DeserializationError(
    `'${name}' of ${shortFile(url)} exists in the child but its text differs (the file changed since start, or it is a mock)`,
  );
}

/** A class failed while it was made out of its text. */
export function classNotMade(subject: string, cause: unknown): DeserializationError {
  const detail = (cause as { message?: unknown } | null)?.message ?? cause;
  const hint =
    cause instanceof ReferenceError
      ? '. A variable that only a computed member name uses cannot be read by the sender: export the class from a module'
      : '';
  return new DeserializationError(`Cannot make ${subject} again from its text: ${String(detail)}${hint}`, { cause });
}

/** Stands for the `this` of an arrow function, which V8 does not show: any use of it throws. */
export function thisTrap(subject: () => string): object {
  const refuse = (step: string): never => {
    const copy = step === '' ? 'const { v } = this' : `const v = this${step}`;
    throw new DeserializationError(
      `The arrow function ${subject()} uses 'this${step}'; 'this' is not sent. Copy what it needs first: ${copy}`,
    );
  };
  // An arrow that returns `this` is asked for `then`, one that prints it for symbols: neither is in its text.
  const step = (key: string | symbol): string => (typeof key === 'string' && key !== 'then' ? `.${key}` : '');
  return new Proxy(Object.freeze(Object.create(null) as object), {
    get: (_, key) => refuse(step(key)),
    set: (_, key) => refuse(step(key)),
    has: (_, key) => refuse(step(key)),
    deleteProperty: (_, key) => refuse(step(key)),
    ownKeys: () => refuse(''),
    getPrototypeOf: () => refuse(''),
    getOwnPropertyDescriptor: (_, key) => refuse(step(key)),
    defineProperty: (_, key) => refuse(step(key)),
  });
}
