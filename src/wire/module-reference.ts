/**
 * A value that is written as the name of a module and a path in it.
 *
 * Runs in every process.
 */
import type { HeldDefinition } from './definitions.js';

/** Stands for an object that the receiver finds in a module instead of getting a copy. */
export class ModuleReference {
  readonly module: HeldDefinition;
  /** From the namespace or `module.exports`; empty for that itself. */
  readonly path: readonly string[];
  /** @param value What stands there in this process: it is the same object when the reference comes back. */
  constructor(module: HeldDefinition, path: readonly string[], value: object) {
    this.module = module;
    this.path = path;
    module.objects ??= new Map();
    module.objects.set(path.join('.'), value);
    references.set(value, this);
  }
}

/** The reference by which an object of a module was sent or received. */
export function referenceTo(value: unknown): ModuleReference | undefined {
  return typeof value === 'object' && value !== null ? references.get(value) : undefined;
}

const references = new WeakMap<object, ModuleReference>();

/** The last step of a path: the object is wrapped as `{ default: object, ...object }`, as compilers do for `import`. */
export const INTEROP = '*interop*';
