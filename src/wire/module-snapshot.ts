/**
 * The variables of a module that was loaded without a probe.
 *
 * Runs in the receiving process, on Node 20 mostly; loaded at first need.
 */
import { classifyScopes } from './function-scopes.js';
import { readSource } from './inspector-scripts.js';
import { inspectFunction, inspectorAvailable } from './inspector-session.js';
import { moduleNames } from './module-imports.js';

/** The variables of a loaded module, as V8 shows them through any function that it exports. */
export function readModuleScope(exports: unknown, url: string): Record<string, unknown> | undefined {
  if (!inspectorAvailable()) return undefined;
  const values = typeof exports === 'function' ? [exports] : Object.values(exports as object);
  for (const value of values) {
    if (typeof value !== 'function') continue;
    const inspection = inspectFunction(value);
    try {
      const scopes = classifyScopes(inspection.scopes(), () => moduleNames(readSource(url) ?? ''));
      const scope = scopes.find(({ kind }) => kind === 'module');
      if (scope !== undefined) return scope.variables();
    } finally {
      inspection.release();
    }
  }
  return undefined;
}
