/**
 * Finds the library's own files: beside its code, or, where somebody bundled that code into a file of theirs, in the
 * installed package.
 *
 * Runs in every process, when a file is first needed. Knows no file by itself.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnsupportedPlatformError } from '../errors.js';

/** That of package.json; a copy in a bundle compares it with the package that it finds. */
export const VERSION = '0.1.0';

/** A file beside the module at `base` (`import.meta.url`), if it is there. */
export function fileBeside(base: string | undefined, ...names: string[]): string | undefined {
  if (base === undefined || !base.startsWith('file:')) return undefined; // a bundle in CommonJS has no import.meta.url
  const folder = dirname(filePath(base));
  return names.map((name) => join(folder, name)).find((file) => existsSync(file));
}

/** As `fileURLToPath`, whose first call takes a starting child more time than all the files that it looks for. */
export function filePath(url: string): string {
  return url.startsWith('file:///') && !(url.includes('%') || url.includes('?'))
    ? url.slice('file://'.length)
    : fileURLToPath(url);
}

/**
 * A file of the installed package, for code that was bundled away from it.
 *
 * @throws {UnsupportedPlatformError} If no installed package of this version is found from the bundle, the main script or
 *   the working directory.
 */
export function fileOfPackage(path: string): string {
  folder ??= findPackage();
  return join(folder, path);
}

/** The working folder, or the root where it was deleted: a program that names its files in full needs none. */
export function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

/** Where this code is: our own module, or the bundle that holds it. */
function ownFolder(): string {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith('file:') === true) return dirname(fileURLToPath(url));
  return typeof __filename === 'string' ? dirname(__filename) : workingFolder();
}

function findPackage(): string {
  const versions: string[] = [];
  const main = process.argv[1];
  const starts = new Set([ownFolder(), ...(main === undefined ? [] : [dirname(main)]), workingFolder()]);
  for (const start of starts) {
    const found = packageFrom(start);
    if (found?.version === VERSION) return found.folder;
    if (found !== undefined) versions.push(`${found.folder} has version ${found.version}`);
  }
  const what = versions.length === 0 ? `no package 'multiproc' is found from ${[...starts].join(', ')}` : versions.join(', ');
  throw new UnsupportedPlatformError(
    `Cannot find the files of multiproc ${VERSION}: its code was bundled into ${ownFolder()}, and ${what}. ` +
      `Install it there and mark it as external when you bundle (esbuild --external:multiproc, or ssr.external or externals: ['multiproc'])`,
  );
}

function packageFrom(start: string): { folder: string; version: unknown } | undefined {
  try {
    const manifest = createRequire(join(start, 'anything.js')).resolve('multiproc/package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version?: unknown };
    return { folder: dirname(manifest), version };
  } catch {
    return undefined;
  }
}

let folder: string | undefined;
