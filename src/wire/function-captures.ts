/**
 * What is written for a captured variable: itself, or a reference to the module it was imported from.
 *
 * Runs in the process that sends.
 */
import { types } from 'node:util';
import { receivedFunctions, type HeldDefinition } from './definitions.js';
import { describeMember, isStable } from './function-memory.js';
import type { Located, ScopeKind } from './function-scopes.js';
import { findCopiedModule, findInLoadedModules, importedModule } from './module-definitions.js';

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

/** The value to write for a captured variable. */
export function captureOf(name: string, value: unknown, located: Located, kind: ScopeKind | undefined): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return value;
  const isModule = kind === 'module' && located.scopes.some((scope) => scope.kind === 'module');
  const binding = isModule ? located.names().imports.get(name) : undefined;
  if (binding !== undefined) {
    const module = importedModule(binding, located.place.url);
    const path = binding.name === '*' ? [] : [binding.name];
    if (typeof value !== 'function') return new ModuleReference(module, path);
    if (!isStable(value) && !receivedFunctions.has(value)) describeMember(value, { module, path }, 'export');
    return value;
  }
  if (typeof value === 'function' || !located.isMain) return value;
  return commonObject(value) ?? value;
}

/** `require` of a module: every file has its own. */
export function isRequire(value: unknown): boolean {
  return typeof value === 'function' && value.name === 'require' && Object.hasOwn(value, 'resolve') && Object.hasOwn(value, 'cache');
}

/** An object that a CommonJS module exports, or exports itself, also behind the wrappers of compilers. */
function commonObject(value: object): ModuleReference | undefined {
  if (types.isProxy(value)) return undefined;
  const inner: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value;
  const found = findInLoadedModules(value);
  if (found !== undefined) return new ModuleReference(found.module, found.path);
  if ((typeof inner !== 'object' && typeof inner !== 'function') || inner === null) {
    const copied = findCopiedModule(value);
    return copied === undefined ? undefined : new ModuleReference(copied, []);
  }
  const wrapped = findInLoadedModules(inner);
  return wrapped === undefined ? undefined : new ModuleReference(wrapped.module, [...wrapped.path, INTEROP]);
}

/** The last step of a path: the object is wrapped as `{ default: object, ...object }`, as compilers do for `import`. */
export const INTEROP = '*interop*';
