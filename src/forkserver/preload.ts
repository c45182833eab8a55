/**
 * Which modules fork servers load before they serve, and what to do about one that cannot be loaded.
 *
 * Runs in parents, which say it, and in fork servers, which do it.
 */
import { pathToFileURL } from 'node:url';

/** What becomes of a module that cannot be loaded: nothing, a warning of the parent, or no child at all. */
export type PreloadErrors = 'ignore' | 'warn' | 'fail';

/** What a fork server is told to load. */
export interface Preload {
  readonly modules: readonly string[];
  readonly onError: PreloadErrors;
  /** Names are resolved as an import in this file would: URL of the main script. */
  readonly base: string;
}

/** A module that could not be loaded. */
export interface PreloadFailure {
  readonly module: string;
  readonly message: string;
}

let modules: readonly string[] = [];
let onError: PreloadErrors = 'ignore';
let changes = 0;

/**
 * Names the modules that fork servers started from now on load before their first child.
 *
 * @param names As the main script would import them.
 * @param options `onError`: what to do about a module that cannot be loaded, by default nothing.
 * @throws {TypeError} If the names are no strings, or `onError` is another word.
 * @python `set_forkserver_preload()`; the main script is never among them.
 */
export function setPreload(names: readonly string[], options: { readonly onError?: PreloadErrors } = {}): void {
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new TypeError(`Cannot set the modules to preload: they must be an array of strings, received ${String(names)}`);
  const { onError: asked = 'ignore' } = options;
  if (!ERRORS.has(asked))
    throw new TypeError(
      `Cannot set the modules to preload: onError must be 'ignore', 'warn' or 'fail', received ${JSON.stringify(asked)}`,
    );
  modules = [...names];
  onError = asked;
  changes++;
}

/** What a server started now is to load, and how often that has changed. */
export function preloadNow(): { preload: Preload; changes: number } {
  const main = process.argv[1];
  const base = pathToFileURL(main ?? `${process.cwd()}/main.js`).href;
  return { preload: { modules, onError, base }, changes };
}

const ERRORS: ReadonlySet<unknown> = new Set<PreloadErrors>(['ignore', 'warn', 'fail']);
