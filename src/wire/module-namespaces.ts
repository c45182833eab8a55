/**
 * Namespace objects (`import * as ns`) as references to their module.
 *
 * Runs in the sending process.
 */
import { cannotSend } from './function-errors.js';
import { inspectFunction, inspectorAvailable } from './inspector-session.js';
import { scriptUrl } from './inspector-scripts.js';
import { moduleDefinition } from './module-definitions.js';
import { loadedNamespaces } from './loader-modules.js';
import { evaluatedExports } from './module-nearby.js';
import { ModuleReference } from './module-reference.js';

/**
 * The module of a namespace object.
 *
 * @throws {SerializationError} If none of its exports tells where it comes from.
 */
export function namespaceReference(namespace: object, path: string): ModuleReference {
  const received = loadedNamespaces.get(namespace);
  if (received !== undefined) return new ModuleReference(moduleDefinition(received), [], namespace);
  for (const url of inspectorAvailable() ? urlsOf(namespace) : []) {
    if (isNamespaceOf(namespace, url)) {
      return new ModuleReference(moduleDefinition({ format: 'esm', specifier: url, probe: false }), [], namespace);
    }
  }
  throw cannotSend('a module namespace', 'its module cannot be found from here; import the module inside the function', path);
}

function urlsOf(namespace: object): Set<string> {
  const urls = new Set<string>();
  for (const value of Object.values(namespace)) {
    if (typeof value !== 'function') continue;
    const inspection = inspectFunction(value);
    inspection.release();
    if (inspection.scriptId !== undefined) urls.add(scriptUrl(inspection.scriptId));
  }
  return urls;
}

function isNamespaceOf(namespace: object, url: string): boolean {
  const exports = evaluatedExports(url);
  return exports !== undefined && Object.entries(namespace).every(([key, value]) => exports[key] === value);
}
