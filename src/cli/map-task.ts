/**
 * What `multiproc map` runs in its workers: import the user's module once, call its function on the items of a batch.
 *
 * Runs in a worker. Results leave as JSON text, so that encoding them is shared by all CPUs and the parent only
 * passes bytes on. An item's error is data here; only the death of the worker fails a batch.
 */
import { inspect } from 'node:util';
import vm from 'node:vm';
import { toJsonText } from './json-text.js';
import type { InputFormat } from './map-options.js';
import { codeOf, messageOf } from './usage-error.js';

/** A function in a module, by name. */
export interface Target {
  /** The module as the user wrote it. */
  readonly spec: string;
  /** What to import; undefined: `spec` as a package name seen from `base`. */
  readonly url: string | undefined;
  /** URL of the directory from which package names are looked up. */
  readonly base: string;
  readonly exportName: string;
}

/** Why a target cannot be used, or null if it can. */
export type TargetProblem = {
  readonly kind: 'module-not-found' | 'no-function' | 'load-failed';
  readonly message: string;
} | null;

/** An error of one item, ready for NDJSON. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** What became of the items of one batch, in their order. */
export interface BatchResult {
  /** The result as JSON text; null where the item failed. */
  readonly results: (string | null)[];
  readonly errors: { readonly position: number; readonly error: ErrorRecord }[];
  /** Run time of the whole batch in milliseconds. */
  readonly elapsed: number;
}

/**
 * Loads the target's module and says whether its function is there.
 * @public Imported by URL, see `executor-runner.ts`.
 */
export async function checkTarget(target: Target): Promise<TargetProblem> {
  try {
    await loadTarget(target);
    return null;
  } catch (error) {
    if (error instanceof TargetError) return { kind: error.kind, message: error.message };
    return { kind: 'load-failed', message: errorRecord(error).stack ?? String(error) };
  }
}

/**
 * Calls the target's function on each item, one after the other.
 * @public Imported by URL, see `executor-runner.ts`.
 */
export async function runBatch(target: Target, format: InputFormat, items: readonly string[]): Promise<BatchResult> {
  const started = performance.now();
  const call = await loadTarget(target);
  const results: (string | null)[] = [];
  const errors: { position: number; error: ErrorRecord }[] = [];
  for (const [position, text] of items.entries()) {
    try {
      results.push(toJsonText(await call(format === 'ndjson' ? parseItem(text) : text)));
    } catch (error) {
      results.push(null);
      errors.push({ position, error: errorRecord(error) });
    }
  }
  return { results, errors, elapsed: performance.now() - started };
}

type ItemFunction = (item: unknown) => unknown;

class TargetError extends Error {
  readonly kind: 'module-not-found' | 'no-function';
  constructor(kind: 'module-not-found' | 'no-function', message: string) {
    super(message);
    this.kind = kind;
  }
}

const loaded = new Map<string, Promise<ItemFunction>>();

function loadTarget(target: Target): Promise<ItemFunction> {
  const key = `${target.url ?? target.spec}#${target.exportName}`;
  let pending = loaded.get(key);
  if (pending === undefined) {
    pending = importTarget(target);
    loaded.set(key, pending);
  }
  return pending;
}

async function importTarget(target: Target): Promise<ItemFunction> {
  keepStdoutForResults();
  const namespace = await importModule(target);
  const found = namespace[target.exportName] ?? member(namespace['default'], target.exportName);
  if (typeof found !== 'function') throw new TargetError('no-function', describeExports(target, namespace, found));
  return found as ItemFunction;
}

async function importModule(target: Target): Promise<Record<string, unknown>> {
  if (target.url !== undefined) return (await import(target.url)) as Record<string, unknown>;
  try {
    return await importFrom(target.base, target.spec);
  } catch (error) {
    if (codeOf(error) !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    throw new TargetError('module-not-found', `module '${target.spec}' not found: ${messageOf(error)}`);
  }
}

/** `import(spec)` as a file in `base` would do it. */
async function importFrom(base: string, spec: string): Promise<Record<string, unknown>> {
  const script = new vm.Script('(spec) => import(spec)', {
    filename: new URL('multiproc', base).href,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const emitWarning = process.emitWarning;
  process.emitWarning = () => {}; // Node 20 calls the loader constant experimental
  try {
    return (await (script.runInThisContext() as (spec: string) => Promise<unknown>)(spec)) as Record<string, unknown>;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function member(value: unknown, name: string): unknown {
  return name !== 'default' && value !== null && (typeof value === 'object' || typeof value === 'function')
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function describeExports(target: Target, namespace: Record<string, unknown>, found: unknown): string {
  const functions = Object.keys(namespace).filter((name) => typeof namespace[name] === 'function');
  const listed = functions.length === 0 ? 'it exports no function' : `it exports the functions ${functions.join(', ')}`;
  if (target.exportName === 'default') {
    const hint = functions.length === 0 ? '' : `; name one: ${target.spec}#${functions[0]}`;
    return `module '${target.spec}' has no function as its default export; ${listed}${hint}`;
  }
  const reason =
    found === undefined ? `has no export '${target.exportName}'` : `exports '${target.exportName}', but it is no function`;
  return `module '${target.spec}' ${reason}; ${listed}`;
}

function parseItem(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new SyntaxError(`not valid JSON: ${(error as Error).message}`), { stack: undefined });
  }
}

function errorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof Error))
    return { name: 'Error', message: `thrown value: ${inspect(error, { depth: 1, breakLength: Number.POSITIVE_INFINITY })}` };
  const code = codeOf(error);
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error.stack === undefined ? {} : { stack: inspect(error, { depth: 3 }) }),
  };
}

/** stdout carries the results of all workers: what a function prints goes to stderr. */
function keepStdoutForResults(): void {
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
}
