/**
 * `<module[#export]>` on the command line, turned into something a worker can import.
 *
 * Runs in the parent. Never imports the module: its top level runs in workers only.
 */
import { existsSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Target } from './map-task.js';
import { codeOf, UsageError } from './usage-error.js';

/**
 * Finds the module that `spec` names, seen from `cwd`.
 *
 * - An existing path is that file, also without a leading `./`; then package names and `node:` modules are tried.
 * - The export follows the last `#`, unless the whole word is an existing file.
 *
 * @throws {UsageError} If there is no such module.
 */
export function resolveTarget(spec: string, cwd: string): Target {
  const hash = isFile(resolve(cwd, spec)) ? -1 : spec.lastIndexOf('#');
  const module = hash === -1 ? spec : spec.slice(0, hash);
  const exportName = hash === -1 ? undefined : spec.slice(hash + 1);
  if (module === '' || exportName === '') throw new UsageError(`'${spec}' is no <module[#export]>`);
  return {
    spec: module,
    url: resolveModule(module, cwd),
    base: pathToFileURL(`${cwd}/`).href,
    exportName: exportName ?? 'default',
  };
}

function resolveModule(module: string, cwd: string): string | undefined {
  const path = module.startsWith('file:') ? fileURLToPath(module) : resolve(cwd, module);
  if (isFile(path)) return pathToFileURL(path).href;
  if (isBuiltin(module)) return module.startsWith('node:') ? module : `node:${module}`;
  if (existsSync(path) && looksLikePath(module)) throw new UsageError(`module '${module}' is a directory; name a file in it`);
  if (looksLikePath(module)) throw new UsageError(`module '${module}' not found: no file ${path}`);
  try {
    return pathToFileURL(createRequire(resolve(cwd, 'multiproc')).resolve(module)).href;
  } catch (error) {
    // Some packages can be imported but not required: their workers import them by name.
    if (codeOf(error) === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
    throw new UsageError(`module '${module}' not found: neither a file in ${cwd} nor an installed package`);
  }
}

function looksLikePath(module: string): boolean {
  return /^(\.{0,2}\/|file:|[a-zA-Z]:\\|\.\\)/.test(module) || /\.[cm]?[jt]sx?$/.test(module);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
