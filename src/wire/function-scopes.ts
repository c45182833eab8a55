/**
 * What the scopes around a function are, and where a module holds a function.
 *
 * Runs in the sending process.
 */
import { types } from 'node:util';
import type { Place } from './function-errors.js';
import { scriptText } from './inspector-scripts.js';
import type { FunctionScope } from './inspector-session.js';
import { commonExports } from './module-definitions.js';
import type { ModuleNames } from './module-imports.js';
import { insideVitest, VITE } from './module-vite.js';

/**
 * - `local`: variables of a function or block, and whatever can only travel by value.
 * - `module`: the top level of a module.
 * - `maybe`: the top level of a CommonJS module, or a function around everything (as tsx makes it).
 * - `script`: declarations of scripts outside all modules, as `-e` and the REPL make them.
 */
export type ScopeKind = 'local' | 'module' | 'maybe' | 'script' | 'global';

export interface KnownScope {
  readonly kind: ScopeKind;
  /** Whether it is the top level of an ES module. */
  readonly isEsm: boolean;
  variables(): Record<string, unknown>;
}

/** What is known of a function while it is being described. */
export interface Located {
  readonly fn: object;
  readonly text: string;
  readonly place: Place;
  readonly scriptId: string;
  readonly isMain: boolean;
  /** Asked of V8 at first use. */
  readonly scopes: readonly KnownScope[];
  readonly names: () => ModuleNames;
  /** Where the function stands in the message, for errors. */
  readonly path: string;
}

/**
 * Says what each scope is.
 *
 * @param names The names of the script's text, for a CommonJS script only.
 */
export function classifyScopes(scopes: readonly FunctionScope[], names: () => ModuleNames): readonly KnownScope[] {
  const outermost = scopes.findLastIndex(({ description }) => description !== 'Script' && description !== 'Global');
  const isModule = scopes.some(({ description }) => description === 'Module');
  return scopes.map((scope, index) => {
    let read: Record<string, unknown> | undefined;
    const variables = (): Record<string, unknown> => (read ??= scope.variables());
    const isEsm = scope.description === 'Module';
    return {
      isEsm,
      kind: kindOf(scope, !isModule && index === outermost && isTopLevel(scope) ? variables : undefined, names),
      variables,
    };
  });
}

/**
 * The path from the variables of a module to a function: a variable, or a static or prototype member of one.
 *
 * By identity, because the products of one factory have equal texts.
 */
export function pathInScope(variables: Record<string, unknown>, fn: object): readonly string[] | undefined {
  const values: [string, unknown][] = [];
  for (const key of Object.keys(variables)) {
    const value = readVariable(variables, key);
    if (value === fn) return [key === '*default*' || key === VITE.default ? 'default' : key];
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') values.push([key, value]);
  }
  const { name } = fn as { name?: unknown };
  if (typeof name !== 'string' || name === '') return undefined;
  for (const [key, value] of values) {
    if (types.isProxy(value)) continue;
    if (ownValue(value, name) === fn) return [key, name];
    const prototype = typeof value === 'function' ? ownValue(value, 'prototype') : undefined;
    if (typeof prototype === 'object' && ownValue(prototype, name) === fn) return [key, 'prototype', name];
  }
  return undefined;
}

/** Whether a function was compiled outside strict mode, as far as that can be known: only a plain `function` has a mark of it. */
export function isSloppy(located: Located): boolean | undefined {
  const { fn, text, scriptId } = located;
  if (!sloppyScripts.has(scriptId)) sloppyScripts.set(scriptId, isSloppyScript(located));
  const ofScript = sloppyScripts.get(scriptId);
  if (ofScript === false || !text.startsWith('function')) return ofScript;
  return isPlainSloppy(fn) || ofScript;
}

/** Asked once for each script: whatever function of it is looked at, its scopes show the variables of its module, or none does. */
function isSloppyScript({ place, scriptId, scopes }: Located): boolean | undefined {
  if (scopes.some(({ isEsm }) => isEsm)) return false;
  if (commonExports(place.url) === undefined) return undefined;
  // Without either word in its file there is nothing that makes a part of it strict.
  return /\buse strict\b|\bclass\b/.test(scriptText(scriptId, place.url)) ? undefined : true;
}

/** V8 13 gives such a function a property of its own; V8 14 a property that throws for every other function. */
function isPlainSloppy(fn: object): boolean {
  if (Object.hasOwn(fn, 'caller')) return true;
  try {
    callerOf?.call(fn);
    return callerOf !== undefined;
  } catch {
    return false;
  }
}

function isTopLevel({ description }: FunctionScope): boolean {
  return description === 'Closure' || (description === 'Block' && insideVitest());
}

function kindOf(
  { description }: FunctionScope,
  outer: (() => Record<string, unknown>) | undefined,
  names: () => ModuleNames,
): ScopeKind {
  if (description === 'Module') return 'module';
  if (description === 'Script') return 'script';
  if (description === 'Global') return 'global';
  if (outer === undefined) return 'local';
  const keys = Object.keys(outer());
  if (keys.some((key) => COMMON_NAMES.has(key))) return 'module';
  const { declared } = names();
  const isOfVite = insideVitest();
  const isDeclared = (key: string): boolean => declared.has(key) || (isOfVite && key.startsWith('__vi'));
  if (keys.length > 0 && keys.every(isDeclared) && !wrapsModules()) return 'module';
  return isOfVite ? 'local' : 'maybe';
}

/** tsx puts a function around each CommonJS module. */
function wrapsModules(): boolean {
  return /\btsx\b/.test(`${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`);
}

function readVariable(variables: Record<string, unknown>, key: string): unknown {
  try {
    return variables[key];
  } catch {
    return undefined;
  }
}

function ownValue(object: unknown, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

/** What Node declares around a CommonJS module. */
export const COMMON_NAMES: ReadonlySet<string> = new Set(['exports', 'require', 'module', '__filename', '__dirname']);
const sloppyScripts = new Map<string, boolean | undefined>();
const callerOf = Object.getOwnPropertyDescriptor(Function.prototype, 'caller')?.get;
