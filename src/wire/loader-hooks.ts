/**
 * The scope probe: one line at the end of each user module of a child, through which names that the module does not
 * export can be read.
 *
 * Runs in the receiving process. Modules of Node and below node_modules are left alone. On Node >= 22.15 the hook is
 * in place before any user module loads (0.05 ms); on Node 20 it starts at the first definition that needs it, because
 * it costs a thread of Node's loader there.
 */
import type Module from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Evaluates an expression among the variables of a module. */
export type ScopeProbe = (expression: string) => unknown;

/** What the line in a module hands over. */
export interface ModuleProbe {
  readonly evaluate: ScopeProbe;
  readonly meta: ImportMeta | undefined;
}

/** Puts the hooks in place where that is cheap: before the first module of a definition loads. */
export function installLoadHooks(): void {
  if (installed) return;
  const { registerHooks } = moduleOfNode() as unknown as { registerHooks?: (hooks: { load: LoadHook }) => void };
  if (registerHooks === undefined) return;
  installed = true;
  announce();
  registerHooks({ load: loadWithProbe });
}

/** Puts the hooks in place because a module with names that are not exported comes next. */
export function prepareProbe(format: 'esm' | 'commonjs'): void {
  installLoadHooks();
  if (installed) return;
  announce();
  if (format === 'commonjs') patchCompile();
  else if (!registered) registerLoader();
}

/** The probe of a module, if it was loaded with one. */
export function probeOf(url: string): ModuleProbe | undefined {
  return evaluates ? (probes.get(url) ?? probes.get(url.replace(/[?#].*$/, ''))) : undefined;
}

type LoadResult = { format?: string | null; source?: string | ArrayBuffer | NodeJS.TypedArray | null };
type LoadHook = (url: string, context: object, next: (url: string, context: object) => LoadResult) => LoadResult;
type Compile = (this: unknown, content: string, filename: string, ...rest: unknown[]) => unknown;

const loadWithProbe: LoadHook = (url, context, next) => {
  const result = next(url, context);
  if (!isUserModule(url) || result.source === null || result.source === undefined) return result;
  const format = result.format ?? '';
  if (format !== '' && !/^(?:module|commonjs)(?:-typescript)?$/.test(format)) return result;
  const source = typeof result.source === 'string' ? result.source : Buffer.from(result.source as Uint8Array).toString();
  return { ...result, source: source + probeLine(url, format.startsWith('module')) };
};

function patchCompile(): void {
  const { prototype } = moduleOfNode().Module as unknown as { prototype: { _compile: Compile } };
  const compile = prototype._compile;
  if (patched) return;
  patched = true;
  prototype._compile = function (content, filename, ...rest) {
    const url = isAbsolute(filename) ? pathToFileURL(filename).href : filename;
    const probed = isUserModule(url) && !/^\s*(?:import|export)\b/m.test(content);
    return compile.call(this, probed ? content + probeLine(url, false) : content, filename, ...rest);
  };
}

function registerLoader(): void {
  registered = true;
  // The text of functions of this file would not do: a bundler may have renamed what they use.
  const text = `
    let key;
    export function initialize(data) { key = data }
    export async function load(url, context, next) {
      const result = await next(url, context);
      if (!url.startsWith('file:') || url.includes('/node_modules/') || result.format !== 'module' || result.source == null) return result;
      const source = typeof result.source === 'string' ? result.source : Buffer.from(result.source).toString();
      const line = '\\n;globalThis[' + JSON.stringify(key) + ']?.(' + JSON.stringify(url) + ', c => eval(c), import.meta);\\n';
      return { ...result, source: source + line };
    }`;
  moduleOfNode().register(`data:text/javascript,${encodeURIComponent(text)}`, { parentURL: 'file:///', data: probeKey });
}

function moduleOfNode(): typeof Module {
  return process.getBuiltinModule('node:module');
}

/** Makes the function that the lines call: under a name that nobody can guess, and not enumerable. */
function announce(): void {
  if (probeKey in globalThis) return;
  const value = (url: string, evaluate: ScopeProbe, meta?: ImportMeta): void => void probes.set(url, { evaluate, meta });
  Object.defineProperty(globalThis, probeKey, { value });
}

function probeLine(url: string, isModule: boolean): string {
  return `\n;globalThis[${JSON.stringify(probeKey)}]?.(${JSON.stringify(url)}, c => eval(c)${isModule ? ', import.meta' : ''});\n`;
}

function isUserModule(url: string): boolean {
  return url.startsWith('file:') && !url.includes('/node_modules/');
}

/** Whether `eval` works: not with --disallow-code-generation-from-strings. */
const evaluates = canEvaluate();

function canEvaluate(): boolean {
  try {
    // oxlint-disable-next-line no-eval -- this asks whether it is allowed.
    (0, eval)('0');
    return true;
  } catch {
    return false;
  }
}

const probes = new Map<string, ModuleProbe>();
const probeKey = `multiproc.${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
let installed = false;
let registered = false;
let patched = false;
