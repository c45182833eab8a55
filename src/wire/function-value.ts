/**
 * Functions that travel by value: their text as a definition, and the captured variables to be sent with each message.
 *
 * Runs in the process that sends.
 */
import { deserialize, serialize } from './class-hooks.js';
import type { Definition } from './codec-types.js';
import { sourceOf, textHash, type SourceBody, type StandIn, type SymbolName } from './definition-body.js';
import { define, type HeldDefinition } from './definitions.js';
import { captureOf, isRequire } from './function-captures.js';
import { cannotSend, nameOf, notInitialised } from './function-errors.js';
import { BASE_NAME, isClassText } from './function-form.js';
import { isForeignGlobal } from './function-globals.js';
import { inlineSourceMap, onOriginalLines, startOf, type PlacedText } from './function-lines.js';
import { isBare, rememberStable, tokenOf, type FunctionDescription } from './function-memory.js';
import { COMMON_NAMES, isSloppy, type KnownScope, type Located } from './function-scopes.js';
import { analyseSource, compiles, SourceRefusal, withBaseName, type SourceAnalysis } from './function-source.js';
import { fileOf } from './file-url.js';
import { compiledText, scriptText } from './inspector-scripts.js';
import { commonExports, moduleDefinition } from './module-definitions.js';
import { isFunctionPrototype } from './realms.js';
import { insideVitest, isViteImport, VITE, viteRoot } from './module-vite.js';

/** The parts that are the same for every function of one place in a script. */
interface Template {
  readonly held: HeldDefinition;
  /** Of each captured name: the index of its scope. */
  readonly scopes: readonly number[];
}

/** Describes a function by its text. @throws {SerializationError} If the text or a captured variable cannot travel. */
export function describeSource(located: Located): FunctionDescription {
  const { fn, path } = located;
  const key = keyOf(located);
  let template = templates.get(key);
  if (template === undefined) {
    template = makeTemplate(located);
    templates.set(key, template);
  }
  const { held, scopes } = template;
  const { names, isClass } = held.body as SourceBody;
  if (names.length === 0 && (isClass || isBare(fn))) return rememberStable(fn, held, tokenOf(fn));
  const captures = names.map((name, i) => {
    if (name === BASE_NAME) return Object.getPrototypeOf(fn) as unknown;
    const scope = located.scopes[scopes[i] ?? -1];
    const value = readCaptured(located, scope, name, path);
    return captureOf(name, value, located, scope);
  });
  return { held, token: tokenOf(fn), captures };
}

function keyOf(located: Located): string {
  const { text, place, scriptId } = located;
  if (place.url !== '') return `${scriptId} ${place.line} ${place.column} ${text.length}`;
  return `eval ${textHash(text)} ${located.scopes.map((scope) => (scope.kind === 'global' ? '' : Object.keys(scope.variables()).join()))}`;
}

function makeTemplate(located: Located): Template {
  const { fn, text, place, isMain } = located;
  let scopeOf: ReadonlyMap<string, number> = new Map();
  const analysis = analyse(located, () => {
    scopeOf = candidates(located);
    return [...scopeOf.keys()];
  });
  const used = sortNames(located, analysis.names, scopeOf);
  const prefer = preferredName(located, used);
  const needsModule = !isMain && (used.module || used.maybe.length > 0 || prefer !== undefined);
  const module = needsModule ? moduleOf(located) : undefined;
  const isClass = isClassText(text);
  const { name } = fn as { name?: unknown };
  const held = define(
    {
      kind: 'source',
      name: typeof name === 'string' ? name : '',
      ...placeText(located, analysis),
      form: analysis.form,
      strict: analysis.strict,
      isClass,
      early: isClass && readsEarly(fn, text),
      names: used.captured,
      usesMeta: analysis.usesMeta,
      main: isMain,
      url: place.url,
      filename: commonExports(place.url) === undefined ? place.url : fileOf(place.url),
      maybe: used.maybe,
      symbols: used.symbols,
      standIns: used.standIns,
      ...(module === undefined ? {} : { module: module.id }),
      ...(prefer === undefined ? {} : { prefer: { name: prefer, hash: textHash(text) } }),
      ...(insideVitest() ? { root: viteRoot() } : {}),
    },
    module === undefined ? [] : [module],
  );
  return { held, scopes: used.captured.map((captured) => scopeOf.get(captured) ?? -1) };
}

/** What becomes of the names that a text uses. */
interface UsedNames {
  readonly captured: string[];
  readonly maybe: string[];
  readonly standIns: Record<string, StandIn>;
  readonly symbols: Record<string, SymbolName>;
  /** Whether there are variables of a module among them that every child has itself. */
  module: boolean;
}

function sortNames(located: Located, names: readonly string[], scopeOf: ReadonlyMap<string, number>): UsedNames {
  const used: UsedNames = { captured: [], maybe: [], standIns: {}, symbols: hookNames(located.text, scopeOf), module: false };
  for (const name of names) {
    const scope = located.scopes[scopeOf.get(name) ?? -1];
    const isOfModule = scope?.kind === 'module' && !located.isMain;
    const standIn = name === BASE_NAME ? undefined : standInOf(located, scope, name);
    const symbol = isOfModule || name === BASE_NAME ? undefined : symbolName(readCaptured(located, scope, name, located.path));
    if (standIn !== undefined) used.standIns[name] = standIn;
    else if (symbol !== undefined) used.symbols[name] = symbol;
    else if (isOfModule && !isViteImport(name)) used.module = true;
    else {
      used.captured.push(name);
      if (scope?.kind === 'maybe' && !located.isMain) used.maybe.push(name);
    }
  }
  return used;
}

/** Every name in sight, with the index of the innermost scope that has it. */
function candidates({ scopes, place, text }: Located): Map<string, number> {
  const found = new Map<string, number>();
  const isFile = place.url.startsWith('file:') && !/\/(?:\[|%5B)[^/]*$/.test(place.url);
  scopes.forEach((scope, index) => {
    if (scope.kind === 'global' && isFile) return;
    for (const name of Object.keys(scope.kind === 'global' ? globalThis : scope.variables())) {
      if (!found.has(name) && !(scope.kind === 'global' && isForeignGlobal(name))) found.set(name, index);
    }
  });
  if (!isFile) for (const name of COMMON_NAMES) if (!found.has(name) && text.includes(name)) found.set(name, -1);
  return found;
}

function analyse(located: Located, names: () => readonly string[]): SourceAnalysis {
  const { fn, text, place, path } = located;
  const hasBase =
    isClassText(text) && typeof Object.getPrototypeOf(fn) === 'function' && !isFunctionPrototype(Object.getPrototypeOf(fn));
  const standing = hasBase ? withBaseName(text) : text;
  try {
    return analyseSource(standing, standing === text ? names : () => [...names(), BASE_NAME], isSloppy(located));
  } catch (error) {
    if (error instanceof SourceRefusal) throw cannotSend(nameOf(fn, place), error.message, path);
    throw error;
  }
}

function readCaptured({ fn, place, names }: Located, scope: KnownScope | undefined, name: string, path: string): unknown {
  let value: unknown;
  try {
    if (scope === undefined || scope.kind === 'global') return (globalThis as Record<string, unknown>)[name];
    value = scope.variables()[name];
  } catch {
    throw cannotSend(nameOf(fn, place), notInitialised(name), path);
  }
  // Node 20 shows a variable in its dead zone as undefined.
  const isDead = value === undefined && HIDES_DEAD_ZONE && scope.kind === 'module' && names().constants.has(name);
  if (isDead) throw cannotSend(nameOf(fn, place), notInitialised(name), path);
  return value;
}

function standInOf(located: Located, scope: KnownScope | undefined, name: string): StandIn | undefined {
  if (scope === undefined && name === 'require') return 'require';
  if (name === VITE.import) return 'import';
  if (name === VITE.meta) return 'meta';
  if (name.startsWith('cov_') && isCounter(readCaptured(located, scope, name, located.path))) return 'counter';
  if (scope?.kind === 'module' && !located.isMain) return undefined;
  return isRequire(readCaptured(located, scope, name, located.path)) ? 'require' : undefined;
}

/** What istanbul calls at every statement. */
function isCounter(value: unknown): boolean {
  return typeof value === 'function' && /coverage/i.test(sourceOf(value));
}

/** A symbol that is the same in every process. */
function symbolName(value: unknown): SymbolName | undefined {
  if (typeof value !== 'symbol') return undefined;
  const key = Symbol.keyFor(value);
  if (key !== undefined) return { key };
  const wellKnown = Object.getOwnPropertyNames(Symbol).find(
    (name) => Object.getOwnPropertyDescriptor(Symbol, name)?.value === value,
  );
  return wellKnown === undefined ? undefined : { wellKnown };
}

/** V8 shows no variable that is only used while a class is made: our own hooks are known by their names. */
function hookNames(text: string, scopeOf: ReadonlyMap<string, number>): Record<string, SymbolName> {
  if (!isClassText(text)) return {};
  const hooks = { serialize, deserialize };
  const names = Object.entries(hooks).filter(([name]) => text.includes(`[${name}]`) && !scopeOf.has(name));
  return Object.fromEntries(names.map(([name, symbol]) => [name, { key: Symbol.keyFor(symbol) ?? '' }]));
}

/** The module may hold this very function, without V8 showing its variable to anybody. */
function preferredName({ fn, isMain, names, place }: Located, { captured, maybe }: UsedNames): string | undefined {
  const { name } = fn as { name?: unknown };
  if (isMain || typeof name !== 'string' || name === '' || !place.url.startsWith('file:')) return undefined;
  return captured.filter((variable) => variable !== BASE_NAME).length === maybe.length && names().declared.has(name)
    ? name
    : undefined;
}

function moduleOf({ place: { url } }: Located): Definition {
  const format = commonExports(url) === undefined ? 'esm' : 'commonjs';
  return moduleDefinition({ format, specifier: url, probe: true }).definition;
}

/** Whether evaluating the class may read captured variables: its heritage, static members, computed names. */
function readsEarly(fn: object, text: string): boolean {
  return (
    !isFunctionPrototype(Object.getPrototypeOf(fn)) ||
    /\bstatic\b|^class[^{]*\bextends\b|^\s*(?:async\s+|get\s+|set\s+|\*\s*)*\[|@/m.test(text)
  );
}

/** The text, and where it starts in the user's file. */
function placeText(located: Located, { text, form, strict }: SourceAnalysis): PlacedText {
  const placed = { text, ...startOf(located) };
  const { isMain, place, scriptId } = located;
  if (!isMain || !/\.[cm]?[jt]sx?(?:[?#].*)?$/.test(place.url) || scriptText(scriptId, place.url).includes(text)) return placed;
  const map = inlineSourceMap(compiledText(scriptId));
  const laidOut = map === undefined ? undefined : onOriginalLines(placed, map, place.url);
  return laidOut !== undefined && compiles(laidOut.text, form, strict) ? laidOut : placed;
}

const HIDES_DEAD_ZONE = process.versions.node.startsWith('20.');
/** Bounded by the code there is: one entry for each place that a function was written at. */
const templates = new Map<string, Template>();
