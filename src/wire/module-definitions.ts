/**
 * Definitions of modules, and the search for what a loaded module holds, by identity.
 *
 * Runs in the sending process. Never imports anything: importing a module that is still being evaluated would
 * deadlock.
 */
import { createRequire, isBuiltin } from 'node:module';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { ModuleBody } from './definition-body.js';
import { define, type HeldDefinition } from './definitions.js';
import { fileOf } from './file-url.js';
import type { ImportBinding } from './module-imports.js';

/** Where a value stands: the definition of its module, and the path in its exports. */
export interface ModuleMember {
  readonly module: HeldDefinition;
  readonly path: readonly string[];
}

/** The definition of a module, made once for each way to load it. */
export function moduleDefinition(body: Omit<ModuleBody, 'kind' | 'id' | 'isModule'>): HeldDefinition {
  const key = `${body.format} ${body.probe} ${body.base ?? ''} ${body.specifier}`;
  let held = modules.get(key);
  if (held === undefined) {
    held = define({ kind: 'module', ...body, ...(isModule(body) ? { isModule: true } : {}) }, []);
    modules.set(key, held);
  }
  return held;
}

/** `require` keeps ES modules too. */
function isModule({ format, base, specifier }: Pick<ModuleBody, 'format' | 'base' | 'specifier'>): boolean {
  if (format !== 'esm' || base !== undefined) return false;
  const required = commonExports(specifier);
  return required === undefined || types.isModuleNamespaceObject(required.exports);
}

/** The module that an import declaration of a script names. */
export function importedModule(binding: ImportBinding, base: string): HeldDefinition {
  const { specifier } = binding;
  if (isBuiltin(specifier)) {
    const full = specifier.startsWith('node:') ? specifier : `node:${specifier}`;
    return moduleDefinition({ format: 'esm', specifier: full, probe: false });
  }
  if (/^(?:\.{0,2}\/|file:|data:)/.test(specifier)) {
    return moduleDefinition({ format: 'esm', specifier: new URL(specifier, base).href, probe: false });
  }
  return moduleDefinition({ format: 'esm', specifier, base, probe: false });
}

/** `module.exports` of a CommonJS file that is loaded here. */
export function commonExports(url: string): { readonly exports: unknown } | undefined {
  return url.startsWith('file:') ? moduleCache()[fileOf(url)] : undefined;
}

/** The path of a value in `module.exports`: itself or one of its properties. */
export function pathInExports(exports: unknown, value: unknown): readonly string[] | undefined {
  if (exports === value) return [];
  const getters: string[] = [];
  for (const name of namesIn(exports)) {
    const { get, value: member } = Object.getOwnPropertyDescriptor(exports, name) ?? {};
    if (member === value) return [name];
    if (get !== undefined) getters.push(name);
  }
  const found = getters.find((name) => memberOf(exports as object, name) === value);
  return found === undefined ? undefined : [found];
}

/**
 * The names of what a module exports. Nobody wrote ten thousands of them: that is data, as of a JSON file, which only costs
 * time to look through, anew for each captured variable.
 */
function namesIn(exports: unknown): readonly string[] {
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return [];
  if (data.has(exports) || ArrayBuffer.isView(exports) || (Array.isArray(exports) && exports.length > MAX_NAMES)) return [];
  const names = Object.getOwnPropertyNames(exports);
  if (names.length <= MAX_NAMES) return names;
  data.add(exports);
  return [];
}

/** A value by identity among the exports of all loaded CommonJS modules and the builtin modules in use. */
export function findInLoadedModules(value: unknown): ModuleMember | undefined {
  return findInCommonModules(value) ?? findInBuiltins(value);
}

/** A value by identity among the exports of all loaded CommonJS modules. */
export function findInCommonModules(value: unknown): ModuleMember | undefined {
  if (typeof value === 'function') return findCommonFunction(value);
  for (const [file, loaded] of Object.entries(moduleCache())) {
    const path = loaded === undefined ? undefined : pathInExports(loaded.exports, value);
    if (path !== undefined) {
      return { module: moduleDefinition({ format: 'commonjs', specifier: pathToFileURL(file).href, probe: false }), path };
    }
  }
  return undefined;
}

/**
 * Each module is looked through once, because there may be thousands of exports. What a module exports later is found
 * where its own exports are asked (`pathInExports`).
 */
function findCommonFunction(fn: object): ModuleMember | undefined {
  for (const [file, loaded] of Object.entries(moduleCache())) {
    if (loaded === undefined || loaded.loaded !== true || lookedThrough.has(loaded)) continue;
    lookedThrough.add(loaded);
    const { exports } = loaded;
    if (typeof exports === 'function') commonFunctions.set(exports, { file, path: [] });
    for (const [key, value] of exportedFunctions(exports)) {
      if (!commonFunctions.has(value)) commonFunctions.set(value, { file, path: [key] });
    }
  }
  const found = commonFunctions.get(fn);
  if (found === undefined) return undefined;
  return {
    module: moduleDefinition({ format: 'commonjs', specifier: pathToFileURL(found.file).href, probe: false }),
    path: found.path,
  };
}

function* exportedFunctions(exports: unknown): Generator<[string, object]> {
  for (const name of namesIn(exports)) {
    const value = memberOf(exports as object, name);
    if (typeof value === 'function') yield [name, value];
  }
}

/** Bundlers and TypeScript export through getters; those only read a variable. */
function memberOf(exports: object, name: string): unknown {
  const { get, value } = Object.getOwnPropertyDescriptor(exports, name) ?? {};
  if (get === undefined || Function.prototype.toString.call(get).length > MAX_GETTER_TEXT) return value;
  try {
    return get.call(exports);
  } catch {
    return undefined;
  }
}

/** The module whose exports an object repeats through getters, as the `__toESM` of compilers makes it. */
export function findCopiedModule(copy: object): HeldDefinition | undefined {
  if (Array.isArray(copy) || ArrayBuffer.isView(copy)) return undefined; // there may be millions of keys
  const keys = Object.keys(copy);
  if (keys.length === 0 || keys.some((key) => Object.getOwnPropertyDescriptor(copy, key)?.get === undefined)) return undefined;
  const values = copy as Record<string, unknown>;
  for (const [file, loaded] of Object.entries(moduleCache())) {
    const exports = loaded?.exports as Record<string, unknown> | null | undefined;
    if (typeof exports !== 'object' || exports === null || !keys.every((key) => key in exports && exports[key] === values[key]))
      continue;
    return moduleDefinition({ format: 'commonjs', specifier: pathToFileURL(file).href, probe: false });
  }
  return undefined;
}

/** A value by identity among the exports of the modules of Node that are in use. */
export function findInBuiltins(value: unknown): ModuleMember | undefined {
  const { moduleLoadList } = process as unknown as { moduleLoadList?: readonly string[] };
  for (const entry of moduleLoadList ?? []) {
    const name = /^NativeModule (.*)$/.exec(entry)?.[1];
    if (name === undefined || name.startsWith('internal/') || !isBuiltin(name)) continue;
    const exports: unknown = process.getBuiltinModule(name);
    const path = exports === undefined ? undefined : dataPath(exports, value);
    if (path !== undefined)
      return { module: moduleDefinition({ format: 'builtin', specifier: `node:${name}`, probe: false }), path };
  }
  return undefined;
}

/** Only data properties: getters of Node's modules load things, or warn. */
function dataPath(exports: unknown, value: unknown): readonly string[] | undefined {
  if (exports === value) return [];
  for (const key of Object.keys(exports as object)) {
    if (Object.getOwnPropertyDescriptor(exports, key)?.value === value) return [key];
  }
  return undefined;
}

function moduleCache(): Record<string, { readonly exports: unknown; readonly loaded?: boolean } | undefined> {
  require ??= createRequire('/');
  return require.cache;
}

const MAX_GETTER_TEXT = 120;
const MAX_NAMES = 16_384;
/** What modules export that has more. */
const data = new WeakSet<object>();
const modules = new Map<string, HeldDefinition>();
const lookedThrough = new WeakSet<object>();
const commonFunctions = new WeakMap<object, { readonly file: string; readonly path: readonly string[] }>();
let require: NodeJS.Require | undefined;
