/**
 * Modules that are surely evaluated: those that a running script imports. Their exports can be read without `import()`.
 *
 * Runs in the sending process: the only way to a function of an ES module where there is no inspector.
 */
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pathInScope } from './function-scopes.js';
import { readSource } from './inspector-scripts.js';
import { fileOf } from './file-url.js';
import { moduleDefinition, type ModuleMember } from './module-definitions.js';
import { moduleNames, type ImportBinding, type ModuleNames } from './module-imports.js';
import { indexMembers } from './module-index.js';
import { isMainScript, mainScripts } from './module-main.js';
import { callStack } from './stack-traces.js';

/** A function by identity among the exports of what the files on the call stack import: their code runs, so that is evaluated. */
export function findImportedByCallers(fn: object): ModuleMember | undefined {
  return findImported(fn, new Set(filesOnStack()));
}

/** A function by identity among the exports of what the main script imports. */
export function findImportedByMain(fn: object): ModuleMember | undefined {
  return findImported(
    fn,
    [...mainScripts()].map((file) => pathToFileURL(file).href),
  );
}

function findImported(fn: object, importers: Iterable<string>): ModuleMember | undefined {
  for (const importer of importers) {
    for (const { specifier } of importsOf(importer)) {
      if (!/^\.{0,2}\//.test(specifier)) continue;
      const url = new URL(specifier, importer).href;
      const exports = evaluatedExports(url);
      const path = exports === undefined ? undefined : pathInScope(exports, fn);
      if (exports === undefined || path === undefined) continue;
      const module = moduleDefinition({ format: 'esm', specifier: url, probe: false });
      if (!isMainScript(url)) indexMembers(module, 'export', exports);
      return { module, path };
    }
  }
  return undefined;
}

/**
 * The exports of an ES module that is evaluated: `require` gives them without evaluating anything. It throws for one
 * that still waits at its top level, and might load a second copy where a loader is in between.
 */
export function evaluatedExports(url: string): Record<string, unknown> | undefined {
  if (!/^file:.*\.m?[jt]s$/.test(url) || process.execArgv.some((flag) => LOADER.test(flag))) return undefined;
  try {
    return createRequire('/')(fileOf(url)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function importsOf(importer: string): Iterable<ImportBinding> {
  let names = namesOfFiles.get(importer);
  if (names === undefined) {
    names = moduleNames(readSource(importer) ?? '');
    namesOfFiles.set(importer, names);
  }
  return new Map([...names.imports.values()].map((binding) => [binding.specifier, binding])).values();
}

function filesOnStack(): string[] {
  const names = callStack(filesOnStack, MAX_FRAMES).map(({ file }) => file);
  return names
    .filter((name) => name.startsWith('file:') || isAbsolute(name))
    .map((name) => (isAbsolute(name) ? pathToFileURL(name).href : name))
    .filter((name) => !name.startsWith(OWN_FOLDER));
}

const MAX_FRAMES = 100;
/** Undefined in a bundle in CommonJS. */
const OWN_URL: string | undefined = import.meta.url;
const OWN_FOLDER = OWN_URL === undefined ? '//' : new URL('.', OWN_URL).href;
const LOADER = /^(?:-r|--require|--import|--(?:experimental-)?loader)\b/;
const namesOfFiles = new Map<string, ModuleNames>();
