/**
 * Modules as vitest runs them: vite rewrites imports into `__vite_ssr_import_0__.name`, exports into getters, and the
 * layout of the text. Functions of such modules are named, never compared by text.
 *
 * Runs in the sending process, within vitest.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { workingFolder } from '../native/own-files.js';
import type { ImportBinding } from './module-imports.js';
import { globalOf } from './realms.js';

/** The names that vite puts in. */
export const VITE = {
  import: '__vite_ssr_dynamic_import__',
  meta: '__vite_ssr_import_meta__',
  default: '__vite_ssr_export_default__',
} as const;

/** Whether vitest runs this process. */
export function insideVitest(): boolean {
  return worker() !== undefined;
}

/** The test file that vitest is running. */
export function vitestFile(): string | undefined {
  return worker()?.filepath;
}

/** Whether a variable holds the namespace of an import. */
export function isViteImport(name: string): boolean {
  return /^__vite_ssr_import_\d+__$/.test(name);
}

/** What such a variable was imported from, out of the text that vite made. */
export function viteImport(name: string, text: string): ImportBinding | undefined {
  const literal = new RegExp(`\\b${name} = await __vite_ssr_import__\\(("(?:[^"\\\\]|\\\\.)*")`).exec(text)?.[1];
  return literal === undefined ? undefined : { specifier: specifierOf(JSON.parse(literal) as string), name: '*' };
}

/** Vite names files from the root of the project, or from `/@fs/`. */
function specifierOf(specifier: string): string {
  if (!specifier.startsWith('/')) return specifier;
  const file = specifier.startsWith('/@fs/') ? specifier.slice('/@fs'.length) : specifier;
  return pathToFileURL(existsSync(file) ? file : join(viteRoot(), file)).href;
}

/** The root folder of the project. */
export function viteRoot(): string {
  return worker()?.config?.root ?? workingFolder();
}

/** In the vm pools, the test file that a function belongs to is known to the function's realm only. */
export function noteRealm(fn: object): void {
  if (IN_VITEST) realm = globalOf(fn);
}

interface VitestWorker {
  readonly filepath?: string;
  readonly config?: { readonly root?: string };
}

function worker(): VitestWorker | undefined {
  return (realm as { __vitest_worker__?: VitestWorker }).__vitest_worker__;
}

/** Set before vitest loads anything. */
const IN_VITEST = process.env['VITEST'] !== undefined;
let realm: object = globalThis;
