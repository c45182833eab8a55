/**
 * From a function object to the definition that another process can load: by reference where a module holds it,
 * by value otherwise.
 *
 * Runs in the process that sends. Never calls the function, never imports a module, never runs the main script again.
 * The order of the steps is that of findings/functions.md, section 7.
 */
import { types } from 'node:util';
import { sourceOf } from './definition-body.js';
import { define, receivedFunctions, type HeldDefinition } from './definitions.js';
import { cannotSend, nameOf, REASONS } from './function-errors.js';
import { globalPath } from './function-globals.js';
import { describeExplicit } from './function-explicit.js';
import { describeMember, rememberStable, stableDescription, type FunctionDescription } from './function-memory.js';
import { classifyScopes, pathInScope, type KnownScope, type Located } from './function-scopes.js';
import { describeSource } from './function-value.js';
import { inspectFunction, inspectorAvailable, type FunctionInspection } from './inspector-session.js';
import { scriptText, scriptUrl, scriptUrlOnStack } from './inspector-scripts.js';
import {
  commonExports,
  findInBuiltins,
  findInCommonModules,
  findInLoadedModules,
  moduleDefinition,
  pathInExports,
} from './module-definitions.js';
import { indexedMember, indexMembers } from './module-index.js';
import { moduleNames, type ModuleNames } from './module-imports.js';
import { isMainScript } from './module-main.js';
import { ownExportName } from './own-exports.js';
import { noteRealm } from './module-vite.js';
import { findImportedByCallers, findImportedByMain } from './module-nearby.js';

/**
 * Describes a function or class.
 *
 * @throws {SerializationError} If it cannot be sent.
 */
export function describeFunction(fn: object, path: string): FunctionDescription {
  const received = receivedFunctions.get(fn);
  if (received !== undefined) return { held: received.held, token: received.token, captures: received.captured() };
  const known = stableDescription(fn);
  if (known !== undefined) return known;
  const own = ownExportName(fn);
  if (own !== undefined) return describeMember(fn, { module: moduleDefinition(OWN), path: [own] }, 'export');
  noteRealm(fn);
  const explicit = describeExplicit(fn);
  if (explicit !== undefined) return explicit;
  if (types.isProxy(fn)) return heldByModule(fn) ?? refuse(fn, REASONS.proxy, path);
  const text = sourceOf(fn);
  if (/\{\s*\[native code\]\s*\}$/.test(text)) return describeNative(fn, path);
  const indexed = indexedMember(fn);
  if (indexed !== undefined) return describeMember(fn, indexed, indexed.space);
  if (!inspectorAvailable()) return heldByModule(fn) ?? exportedNearby(fn) ?? refuse(fn, REASONS.notInspectable, path);
  const inspection = inspectFunction(fn);
  try {
    return describeInspected(fn, text, inspection, path);
  } finally {
    inspection.release();
  }
}

function describeInspected(fn: object, text: string, inspection: FunctionInspection, path: string): FunctionDescription {
  const { scriptId, line, column } = inspection;
  if (scriptId === undefined) return heldByModule(fn) ?? refuse(fn, REASONS.native, path);
  const spared = scriptUrlOnStack(scriptId) === undefined ? exportedToCallers(fn) : undefined;
  if (spared !== undefined) return spared;
  const url = scriptUrl(scriptId);
  if (url.startsWith('node:')) return heldByModule(fn) ?? refuse(fn, REASONS.native, path);
  const names = (): ModuleNames => namesOf(scriptId, url);
  const isMain = isMainScript(url);
  let scopes: readonly KnownScope[] | undefined;
  const located: Located = {
    fn,
    text,
    place: { url, line, column },
    scriptId,
    isMain,
    names,
    path,
    get scopes() {
      return (scopes ??= classifyScopes(inspection.scopes(), names));
    },
  };
  return (isMain ? undefined : findMember(located)) ?? describeSource(located);
}

/** By reference: a variable of the module, or one of its exports. */
function findMember(located: Located): FunctionDescription | undefined {
  const { fn, scopes } = located;
  const { url } = located.place;
  const scope = scopes.find(({ kind }) => kind === 'module');
  const isCommon = commonExports(url);
  if (isCommon !== undefined) {
    const found = findInCommonModules(fn);
    const module = (probe: boolean): HeldDefinition => moduleDefinition({ format: 'commonjs', specifier: url, probe });
    const path = found?.module === module(false) ? found.path : pathInExports(isCommon.exports, fn);
    if (path !== undefined) return describeMember(fn, { module: module(false), path }, 'export');
    const inner = scope === undefined ? undefined : pathInScope(scope.variables(), fn);
    if (inner === undefined) return undefined;
    indexModule(located, module(true), scope);
    return describeMember(fn, { module: module(true), path: inner }, 'scope');
  }
  const path = scope === undefined ? undefined : pathInScope(scope.variables(), fn);
  if (path === undefined) return undefined;
  const module = moduleDefinition({ format: 'esm', specifier: url, probe: false });
  indexModule(located, module, scope);
  return describeMember(fn, { module, path }, path[0] === 'default' ? 'export' : 'scope');
}

/** From the second function of a module on, all of them: its text has to be read for it. */
function indexModule({ scriptId, names, place }: Located, module: HeldDefinition, scope: KnownScope | undefined): void {
  const count = (sentOf.get(scriptId) ?? 0) + 1;
  sentOf.set(scriptId, count);
  if (count !== 2 || scope === undefined || scriptText(scriptId, place.url).length > MAX_INDEXED_TEXT) return;
  const { constants } = names();
  indexMembers(module, 'scope', scope.variables(), (name) => constants.has(name));
}

function describeNative(fn: object, path: string): FunctionDescription {
  const held = heldByModule(fn);
  if (held !== undefined) return held;
  const bound = String((fn as { name?: unknown }).name).startsWith('bound ') || (inspectorAvailable() && isBound(fn));
  return refuse(fn, bound ? REASONS.bound : REASONS.native, path);
}

function heldByModule(fn: object): FunctionDescription | undefined {
  const path = globalPath(fn);
  if (path !== undefined) return rememberStable(fn, define({ kind: 'global', path }, []));
  const member = findInBuiltins(fn) ?? findInLoadedModules(fn);
  return member === undefined ? undefined : describeMember(fn, member, 'export');
}

/** Without an inspector: what a file on the call stack or the main script imports. */
function exportedNearby(fn: object): FunctionDescription | undefined {
  const member = findImportedByCallers(fn) ?? findImportedByMain(fn);
  return member === undefined ? undefined : describeMember(fn, member, 'export');
}

/** Spares the Debugger, which takes 30 ms the first time: an export that a file on the call stack imports or requires. */
function exportedToCallers(fn: object): FunctionDescription | undefined {
  const member = findInCommonModules(fn) ?? findImportedByCallers(fn);
  const { specifier = '' } = member?.module.body.kind === 'module' ? member.module.body : {};
  return member === undefined || isMainScript(specifier) ? undefined : describeMember(fn, member, 'export');
}

function isBound(fn: object): boolean {
  const inspection = inspectFunction(fn);
  inspection.release();
  return inspection.isBound;
}

function namesOf(scriptId: string, url: string): ModuleNames {
  let names = namesOfScripts.get(scriptId);
  if (names === undefined) {
    names = moduleNames(scriptText(scriptId, url));
    namesOfScripts.set(scriptId, names);
  }
  return names;
}

function refuse(fn: object, reason: string, path: string): never {
  throw cannotSend(nameOf(fn), reason, path);
}

/** Larger texts are not worth reading. */
const MAX_INDEXED_TEXT = 300_000;
/** How many functions of a script were sent by reference. */
const sentOf = new Map<string, number>();
const OWN = { format: 'own', specifier: 'multiproc', probe: false } as const;
const namesOfScripts = new Map<string, ModuleNames>();
