/**
 * Builds functions from their source text, so that their stacks show the user's file, line and column.
 *
 * Runs in the receiving process. The text is evaluated as a script of its own, or among the variables of its module
 * if it names them; nothing of it comes from a socket (see definition-body.ts).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { workingFolder } from '../native/own-files.js';
import { sourceOf, textHash, type SourceBody, type StandIn, type SymbolName } from './definition-body.js';
import { foreignMains, loadedModule } from './definitions.js';
import { fileOf } from './file-url.js';
import { classNotMade, nameOf, thisTrap } from './function-errors.js';
import { expressionAround, META_NAME } from './function-form.js';
import { probeOf, type ModuleProbe } from './loader-hooks.js';
import { compileScript, importFrom } from './loader-modules.js';
import { readModuleScope } from './module-snapshot.js';

/** One function object in the making. */
export interface FunctionUnit {
  /** Evaluates the text. */
  create(): object;
  /** Gives the captured variables their values; may be called again. */
  set(values: readonly unknown[]): void;
  /** The captured variables as they are now. */
  get(): unknown[];
}

/** Makes units of one definition; compiled once. */
export function unitOf(body: SourceBody): FunctionUnit {
  let factory = factories.get(body);
  if (factory === undefined) {
    factory = compileFactory(body);
    factories.set(body, factory);
  }
  return factory();
}

function compileFactory(body: SourceBody): () => FunctionUnit {
  if (body.main) foreignMains.add(body.url);
  const module = body.module === undefined ? undefined : loadedModule(body.module);
  const probe = module === undefined ? undefined : probeOf(body.url);
  const own = probe === undefined ? new Set<string>() : namesOfModule(probe, body.maybe);
  const preferred = probe === undefined ? undefined : preferredOf(probe, body);
  if (preferred !== undefined) return () => ({ create: () => preferred, set: () => undefined, get: () => [] });
  const snapshot = module !== undefined && probe === undefined ? readModuleScope(module.value, body.url) : undefined;
  const code = factoryCode(body, own, Object.keys(snapshot ?? {}));
  const make = (probe === undefined ? asScript(body, code) : probe.evaluate(asEval(body, code))) as MakeUnit;
  const meta = usesMeta(body) ? (probe?.meta ?? metaOf(body.url)) : undefined;
  const standIns = Object.values(body.standIns).map((kind) => standInFor(kind, body, meta));
  const subject = () => nameOf(body, { url: body.url, line: body.line, column: body.column });
  const trap = thisTrap(subject);
  return () => {
    const unit = make(meta, standIns, snapshot ?? {});
    const create = (): object => {
      try {
        return unit.create.call(trap);
      } catch (error) {
        throw body.isClass ? classNotMade(subject(), error) : error;
      }
    };
    const named = (): object => withName(create(), body);
    return { create: named, set: unit.set, get: unit.get };
  };
}

interface Code {
  readonly before: string;
  readonly after: string;
}
type MakeUnit = (
  meta: unknown,
  standIns: readonly unknown[],
  snapshot: Record<string, unknown>,
) => { create(this: object): object; set(values: readonly unknown[]): void; get(): unknown[] };

/** Parameters first, so that no captured name can hide them; `var`, because sloppy code may use any name. */
function factoryCode(body: SourceBody, own: ReadonlySet<string>, snapshot: readonly string[]): Code {
  const { names, standIns, symbols, strict, form } = body;
  const { before, after } = expressionAround(form);
  const bound = names.map((name, i) => ({ name, i })).filter(({ name }) => !own.has(name));
  const shadowed = snapshot.filter((name) => /^[\w$]+$/.test(name) && !names.includes(name));
  const variables = [
    ...bound.map(({ name }) => name),
    ...Object.keys(standIns).map((name, i) => `${name} = $multiproc_standins[${i}]`),
    ...Object.entries(symbols).map(([name, symbol]) => `${name} = ${symbolExpression(symbol)}`),
    ...shadowed.map((name) => `${name} = $multiproc_snapshot[${JSON.stringify(name)}]`),
  ];
  const mode = strict ? '"use strict";' : '';
  const declare = variables.length === 0 ? '' : `var ${variables.join(', ')};`;
  const assign = bound.map(({ name, i }) => `${name} = $multiproc_values[${i}];`).join(' ');
  const read = names.map((name) => (own.has(name) ? 'undefined' : name)).join(', ');
  return {
    before: `(function (${META_NAME}, $multiproc_standins, $multiproc_snapshot) {${mode}${declare} return { create: function () { return ${before}`,
    after: `${after} }, set: function ($multiproc_values) { ${assign} }, get: function () { return [${read}] } } })`,
  };
}

function symbolExpression(symbol: SymbolName): string {
  if ('key' in symbol) return `Symbol.for(${JSON.stringify(symbol.key)})`;
  return `Symbol[${JSON.stringify(symbol.wellKnown)}]`;
}

function asScript(body: SourceBody, { before, after }: Code): unknown {
  const { text, filename, line, column } = body;
  const place = {
    filename: filename === '' ? 'multiproc:function' : filename,
    lineOffset: line,
    columnOffset: column - before.length,
  };
  return compileScript(before + text + after, place, /\bimport\s*\(/.test(text));
}

/** Lines and spaces in front put the text where it stands in its file. */
function asEval({ text, filename, line, column }: SourceBody, { before, after }: Code): string {
  const start = line === 0 ? before : `${'\n'.repeat(line - 1)}${before}\n${' '.repeat(column)}`;
  return `${start}${text}${after}\n//# sourceURL=${filename}`;
}

function namesOfModule(probe: ModuleProbe, names: readonly string[]): Set<string> {
  const found = names.filter((name) => {
    try {
      probe.evaluate(name);
      return true;
    } catch (error) {
      return !(error instanceof ReferenceError && error.message.endsWith('is not defined'));
    }
  });
  return new Set(found);
}

function preferredOf(probe: ModuleProbe, { prefer }: SourceBody): object | undefined {
  if (prefer === undefined) return undefined;
  try {
    const value = probe.evaluate(prefer.name);
    return typeof value === 'function' && textHash(sourceOf(value)) === prefer.hash ? value : undefined;
  } catch {
    return undefined;
  }
}

function usesMeta({ usesMeta: inText, standIns }: SourceBody): boolean {
  return inText || Object.values(standIns).includes('meta');
}

/** What `import.meta` of the user's file would say; `main` is false, because it does not run here. */
function metaOf(url: string): object {
  if (!url.startsWith('file:')) return { url, main: false };
  const filename = fileOf(url);
  return {
    url,
    filename,
    dirname: dirname(filename),
    main: false,
    resolve: (specifier: string): string =>
      import.meta.resolve(/^\.{0,2}\//.test(specifier) ? new URL(specifier, url).href : specifier),
  };
}

function standInFor(kind: StandIn, body: SourceBody, meta: unknown): unknown {
  switch (kind) {
    case 'require':
      return createRequire(baseOf(body));
    case 'import':
      return (specifier: string) =>
        importFrom(
          body.url,
          specifier.startsWith('/') && !existsSync(specifier) ? pathToFileURL(join(body.root ?? '/', specifier)).href : specifier,
        );
    case 'meta':
      return meta;
    case 'counter':
      return () => COUNTER;
  }
}

/** Takes any step and any assignment. */
const COUNTER: unknown = new Proxy({}, { get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : COUNTER), set: () => true });

function baseOf({ url }: SourceBody): string {
  return url.startsWith('file:') ? fileOf(url) : join(workingFolder(), '/');
}

/** A name that came from an assignment (`const f = …`) is not in the text. */
function withName(fn: object, { name, isClass }: SourceBody): object {
  const own = Object.getOwnPropertyDescriptor(fn, 'name');
  if (own?.value !== name && (own === undefined || typeof own.value === 'string') && !(isClass && name === '')) {
    Object.defineProperty(fn, 'name', { value: name, configurable: true });
  }
  return fn;
}

const factories = new WeakMap<SourceBody, () => FunctionUnit>();
