/**
 * What is written for a captured variable: itself, or a reference to the module it was imported from.
 *
 * Runs in the process that sends.
 */
import { types } from 'node:util';
import { receivedFunctions } from './definitions.js';
import { describeMember, isStable } from './function-memory.js';
import type { KnownScope, Located } from './function-scopes.js';
import { compiledText } from './inspector-scripts.js';
import { findCopiedModule, findInLoadedModules, importedModule } from './module-definitions.js';
import type { ImportBinding } from './module-imports.js';
import { INTEROP, ModuleReference } from './module-reference.js';
import { ownExportName } from './own-exports.js';
import { isViteImport, viteImport } from './module-vite.js';

/** The value to write for a captured variable. */
export function captureOf(name: string, value: unknown, located: Located, scope: KnownScope | undefined): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return value;
  if (typeof value === 'function' && ownExportName(value) !== undefined) return value;
  const binding = bindingOf(name, located, scope);
  if (binding !== undefined) {
    const module = importedModule(binding, located.place.url);
    const path = binding.name === '*' ? [] : [binding.name];
    if (typeof value !== 'function') return new ModuleReference(module, path, value);
    if (!isStable(value) && !receivedFunctions.has(value)) describeMember(value, { module, path }, 'export');
    return value;
  }
  if (typeof value === 'function' || !located.isMain) return value;
  return commonObject(value) ?? value;
}

function bindingOf(name: string, { names, scriptId }: Located, scope: KnownScope | undefined): ImportBinding | undefined {
  if (isViteImport(name)) return viteImport(name, compiledText(scriptId));
  return scope?.isEsm === true ? names().imports.get(name) : undefined;
}

/** `require` of a module: every file has its own. */
export function isRequire(value: unknown): boolean {
  return (
    typeof value === 'function' && value.name === 'require' && Object.hasOwn(value, 'resolve') && Object.hasOwn(value, 'cache')
  );
}

/** An object that a CommonJS module exports, or exports itself, also behind the wrappers of compilers. */
function commonObject(value: object): ModuleReference | undefined {
  if (types.isProxy(value)) return undefined;
  const inner: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value;
  const found = findInLoadedModules(value);
  if (found !== undefined) return new ModuleReference(found.module, found.path, value);
  if ((typeof inner !== 'object' && typeof inner !== 'function') || inner === null) {
    const copied = findCopiedModule(value);
    return copied === undefined ? undefined : new ModuleReference(copied, [], value);
  }
  const wrapped = findInLoadedModules(inner);
  return wrapped === undefined ? undefined : new ModuleReference(wrapped.module, [...wrapped.path, INTEROP], value);
}
