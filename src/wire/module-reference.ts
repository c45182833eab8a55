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
  constructor(module: HeldDefinition, path: readonly string[]) {
    this.module = module;
    this.path = path;
  }
}

/** The last step of a path: the object is wrapped as `{ default: object, ...object }`, as compilers do for `import`. */
export const INTEROP = '*interop*';
