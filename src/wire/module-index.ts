/**
 * Where modules hold their functions, for all functions of a module at once: the first one that is sent costs a look
 * through V8 (a millisecond in a large module), the others nothing.
 *
 * Runs in the sending process. A variable that is assigned anew later does no harm: who holds the old function still
 * means what the module defines under that name, and the receiver compares the texts.
 */
import type { ModuleMember } from './module-definitions.js';

/** A function in a module: `export`, from its namespace or `module.exports`; `scope`, from its variables. */
export interface IndexedMember extends ModuleMember {
  readonly space: 'export' | 'scope';
}

/** Notes the functions among the exports or variables of a module; of variables, those that `includes` lets through. */
export function indexMembers(
  module: ModuleMember['module'],
  space: IndexedMember['space'],
  values: object,
  includes: (name: string) => boolean = () => true,
): void {
  for (const name of Object.keys(values)) {
    if (!includes(name)) continue;
    const value = readValue(values, name);
    if (typeof value === 'function' && !members.has(value)) members.set(value, { module, space, path: [name] });
  }
}

/** Where a function stands, if a look at its module has found it before. */
export function indexedMember(fn: object): IndexedMember | undefined {
  return members.get(fn);
}

/** A variable that is not initialised yet throws; so may a getter. */
function readValue(values: object, name: string): unknown {
  try {
    const descriptor = Object.getOwnPropertyDescriptor(values, name);
    return descriptor?.get === undefined ? descriptor?.value : (values as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

const members = new WeakMap<object, IndexedMember>();
