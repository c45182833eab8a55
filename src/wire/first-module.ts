/**
 * The first module of the user in a child, by `require`: in a fresh Node 20 an `import()` takes some 3 ms more, because it
 * loads the rest of node's loader.
 *
 * Runs in the receiving process, in children that are a fresh node or thread; only before anything of the user's has run in
 * them, which may change how modules are loaded.
 */
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { types } from 'node:util';
import type { ModuleBody } from './definition-body.js';
import { fileOf } from './file-url.js';
import { loadsModules } from './preload-flags.js';

/** Node 20, but for versions that evaluate a module again when it threw and is imported after that. */
const HELPS = /^v20\.(?:19\.[5-9]|[2-9]\d\.)/;
let expected = false;

/** Nothing of the user's has run in this process or thread, and no loader of theirs is in place. */
export function expectFirstModule(): void {
  const requires = (process.features as { require_module?: boolean }).require_module === true;
  expected = requires && HELPS.test(process.version) && !loadsModules(process.execArgv, process.env['NODE_OPTIONS']);
}

/** Something of the user's runs from now on. */
export function expectNothing(): void {
  expected = false;
}

/** Whether this is the first module, and an ES module as far as the sender knows. */
export function isFirst({ isModule, probe, specifier }: ModuleBody): boolean {
  if (!expected || specifier.startsWith('node:')) return false;
  expected = false;
  return isModule === true && !probe && /^file:[^?#]*\.m?js$/.test(specifier);
}

/** The namespace of the first module, as `import()` gives it. */
export async function importFirst(url: string): Promise<unknown> {
  // As with `import()`, what came before it in this turn goes on first: if it ends the process, it is known what it was for.
  await new Promise(setImmediate);
  return requireModule(fileOf(url)) ?? importRequired(url);
}

/** The namespace of a module if it is there at once. */
function requireModule(path: string): object | undefined {
  const require = createRequire('/');
  try {
    const file = realpathSync.native(path);
    const exports = require(file) as object;
    if (!types.isModuleNamespaceObject(exports)) return undefined;
    delete require.cache[file]; // nobody else required it
    return '__esModule' in exports ? undefined : exports; // with a default export it is a copy of the namespace
  } catch {
    return undefined;
  }
}

/**
 * What `import()` says of a module that was required: it waits for one that waits at its top level, and throws the error of one
 * that threw; neither is evaluated a second time. Of one that could not be linked, node only says that it cannot be imported any
 * more; under another name it is linked once more, and the error says where it failed.
 */
async function importRequired(url: string): Promise<unknown> {
  try {
    return await import(url);
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== 'ERR_INTERNAL_ASSERTION') throw error;
  }
  const again = `${url}?again`;
  try {
    return await import(again);
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined) error.stack = error.stack.replaceAll(again, url);
    throw error;
  }
}
