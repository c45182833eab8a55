/**
 * Loads the module of a definition, and finds what it holds.
 *
 * Runs in the receiving process; light, because every child loads it at its start.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import * as vm from 'node:vm';
import type { ModuleBody } from './definition-body.js';
import { expectNothing, importFirst, isFirst } from './first-module.js';
import { installLoadHooks, prepareProbe } from './loader-hooks.js';
import { loadOwnExports } from './own-exports.js';

/** How the namespaces of this process were loaded, to send them on. */
export const loadedNamespaces: WeakMap<object, Omit<ModuleBody, 'kind' | 'id'>> = new WeakMap();

/** The namespace of an ES module, or `module.exports`; wrapped, because either may have a `then`. */
export interface LoadedModule {
  readonly exports: unknown;
}

/** Namespaces of modules that this process has, by the URL that loads them: what names one of them need not wait for an import. */
const present = new Map<string, unknown>();

/** Remembers a module that `import(url)` has loaded: it would give the same one again. */
export function keepModule(url: string, namespace: unknown): void {
  present.set(url, namespace);
}

/** Who must know that files are being loaded: `began` before the first of several loads, `ended` after the last. */
export interface LoadWatch {
  began(): void;
  ended(): void;
}

/** Tells of every load from now on. */
export function watchLoads(watch: LoadWatch): void {
  loadWatch = watch;
}

let loadWatch: LoadWatch | undefined;
let loads = 0;

/** Loads a module once per process, as the user's own import or require would. May throw or reject with its error. */
export function loadModule(body: ModuleBody): LoadedModule | Promise<LoadedModule> {
  return loadWatch === undefined ? load(body) : watched(() => load(body), loadWatch);
}

function watched<T>(act: () => T | Promise<T>, watch: LoadWatch): T | Promise<T> {
  const end = () => {
    if (--loads === 0) watch.ended();
  };
  if (loads++ === 0) watch.began();
  let loading: T | Promise<T>;
  try {
    loading = act();
  } catch (error) {
    end();
    throw error;
  }
  if (loading instanceof Promise) return loading.finally(end);
  end();
  return loading;
}

function load(body: ModuleBody): LoadedModule | Promise<LoadedModule> {
  const { format, specifier, base } = body;
  if (format === 'builtin') return { exports: process.getBuiltinModule(specifier) };
  if (format === 'own') return loadOwnExports().then((exports) => ({ exports }));
  if (format !== 'esm') expectNothing();
  if (HAS_HOOKS) installLoadHooks();
  if (body.probe && base === undefined && format !== 'thunk') prepareProbe(format);
  if (format === 'commonjs') {
    const require = createRequire(base ?? '/');
    return { exports: require(base === undefined ? fileURLToPath(specifier) : specifier) as unknown };
  }
  if (format === 'thunk') {
    const thunk = compileScript(`(${specifier}\n)`, { filename: base ?? '' }, true) as () => Promise<unknown>;
    return thunk().then((exports) => ({ exports }));
  }
  const there = base === undefined ? present.get(specifier) : undefined;
  if (there !== undefined) return loaded(body, there);
  const loading: Promise<unknown> =
    base !== undefined ? importFrom(base, specifier) : isFirst(body) ? importFirst(specifier) : import(specifier);
  return loading.then((exports) => loaded(body, exports));
}

function loaded({ format, specifier, probe, base }: ModuleBody, exports: unknown): LoadedModule {
  if (types.isModuleNamespaceObject(exports))
    loadedNamespaces.set(exports as object, { format, specifier, probe, ...(base === undefined ? {} : { base }) });
  return { exports };
}

/** `import(specifier)` as a script at `base` would do it. */
export function importFrom(base: string, specifier: string): Promise<unknown> {
  if (/^(?:node|data|file):/.test(specifier)) return import(specifier);
  let importer = importers.get(base);
  if (importer === undefined) {
    importer = compileScript('(specifier) => import(specifier)', { filename: base }, true) as (
      specifier: string,
    ) => Promise<unknown>;
    importers.set(base, importer);
  }
  return importer(specifier);
}

/** Evaluates a text as a script at a place; `import()` in it resolves against `filename` if `imports` is set. */
export function compileScript(text: string, place: vm.ScriptOptions, imports: boolean): unknown {
  expectNothing();
  if (!imports) return new vm.Script(text, place).runInThisContext();
  const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  if (!warned) {
    // Node warns at the first use that this constant is experimental; users of this library can do nothing about it.
    warned = true;
    const { emitWarning } = process;
    process.emitWarning = () => undefined;
    try {
      void new vm.Script('import("node:module")', { importModuleDynamically }).runInThisContext();
    } finally {
      process.emitWarning = emitWarning;
    }
  }
  return new vm.Script(text, { ...place, importModuleDynamically }).runInThisContext();
}

/** Node 20 has none that are cheap. */
const HAS_HOOKS = !process.version.startsWith('v20.');
let warned = false;
const importers = new Map<string, (specifier: string) => Promise<unknown>>();
