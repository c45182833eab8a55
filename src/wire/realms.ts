/**
 * Functions of other realms: test runners (vitest's vm pools, jest) run a test file in a context of its own, with its own
 * `Object` and `Function`, while this library is loaded outside of it.
 *
 * Runs in the process that sends.
 */

/** The global object of the realm that a function was made in. */
export function globalOf(fn: object): object {
  const prototype = functionPrototypeOf(fn);
  if (prototype === Function.prototype || prototype === undefined) return globalThis;
  const known = globals.get(prototype);
  if (known !== undefined) return known;
  const found = askForGlobal(prototype);
  globals.set(prototype, found);
  return found;
}

/** Whether this is `Object.prototype` of any realm. */
export function isObjectPrototype(object: object | null): boolean {
  return (
    object === Object.prototype ||
    (object !== null && Object.getPrototypeOf(object) === null && Object.hasOwn(object, 'propertyIsEnumerable'))
  );
}

/** Whether this is `Function.prototype` of any realm: what a class without `extends` inherits from. */
export function isFunctionPrototype(object: unknown): boolean {
  if (object === Function.prototype) return true;
  return typeof object === 'function' && Object.hasOwn(object, 'apply') && isObjectPrototype(Object.getPrototypeOf(object));
}

function functionPrototypeOf(fn: object): object | undefined {
  for (let at: object | null = Object.getPrototypeOf(fn); at !== null; at = Object.getPrototypeOf(at)) {
    if (isFunctionPrototype(at)) return at;
  }
  return undefined;
}

/** A function that the realm itself compiles sees its own global object. */
function askForGlobal(prototype: object): object {
  try {
    const { constructor: make } = prototype as { constructor: (code: string) => () => unknown };
    const found = make('return this')();
    return typeof found === 'object' && found !== null ? found : globalThis;
  } catch {
    return globalThis; // code generation is not allowed
  }
}

const globals = new WeakMap<object, object>();
