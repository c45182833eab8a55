/**
 * Paths named on the command line: glob patterns that the shell left, directories with `--recursive`.
 *
 * Runs in the parent, before any worker starts. Order is that of the arguments, sorted by name within one argument.
 */
import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from './usage-error.js';

/**
 * Expands `inputs` to file paths, relative ones staying relative.
 *
 * - What exists is taken literally, whatever characters it has; a name without wildcards may be missing (the function
 *   then meets the error), and so may anything that looks like a URL.
 *
 * @throws {UsageError} If a pattern matches nothing, or a directory stands without `recursive`.
 */
export function expandPaths(inputs: readonly string[], options: { cwd: string; recursive: boolean }): string[] {
  return inputs.flatMap((input) => expandPath(input, options));
}

function expandPath(input: string, { cwd, recursive }: { cwd: string; recursive: boolean }): string[] {
  const stats = statSync(resolve(cwd, input), { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    if (!recursive) throw new UsageError(`input '${input}' is a directory; add --recursive for the files below it`);
    return filesBelow(input, cwd);
  }
  if (stats !== undefined || input === '-' || !WILDCARD.test(input) || input.includes('://')) return [input];
  const matches = glob(input, cwd).filter((path) => recursive || !isDirectory(resolve(cwd, path)));
  if (matches.length === 0) throw new UsageError(`no file matches '${input}'`);
  return matches.flatMap((path) => (isDirectory(resolve(cwd, path)) ? filesBelow(path, cwd) : [path]));
}

function filesBelow(directory: string, cwd: string): string[] {
  const files: string[] = [];
  for (const entry of sortedEntries(resolve(cwd, directory))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...filesBelow(path, cwd));
    else if (entry.isFile() || (entry.isSymbolicLink() && !isDirectory(resolve(cwd, path)))) files.push(path);
  }
  return files;
}

/** `*`, `?`, `[…]`, `{a,b}` and `**` (any depth). Names beginning with a dot need a literal dot, as in a shell. */
function glob(pattern: string, cwd: string): string[] {
  const alternatives = expandBraces(pattern).flatMap((alternative) => {
    const root = alternative.startsWith('/') ? '/' : '';
    return globBelow(
      root,
      alternative.split('/').filter((part) => part !== ''),
      cwd,
    );
  });
  return [...new Set(alternatives)];
}

function globBelow(base: string, parts: readonly string[], cwd: string): string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return base === '' ? [] : [base];
  if (part === '**') {
    const below = sortedEntries(resolve(cwd, base || '.')).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    return [...globBelow(base, rest, cwd), ...below.flatMap((entry) => globBelow(`${base}${entry.name}/`, parts, cwd))];
  }
  const names = WILDCARD.test(part) ? matchingNames(resolve(cwd, base || '.'), part) : [part];
  if (rest.length > 0)
    return names
      .filter((name) => isDirectory(resolve(cwd, base, name)))
      .flatMap((name) => globBelow(`${base}${name}/`, rest, cwd));
  return names.map((name) => base + name).filter((path) => statSync(resolve(cwd, path), { throwIfNoEntry: false }) !== undefined);
}

function matchingNames(directory: string, part: string): string[] {
  const expression = nameExpression(part);
  return sortedEntries(directory)
    .map((entry) => entry.name)
    .filter((name) => expression.test(name) && (part.startsWith('.') || !name.startsWith('.')));
}

function nameExpression(part: string): RegExp {
  const source = part.replace(
    /\[(!?)([^\]]+)\]|[.+^$()|\\{}[\]*?]/g,
    (found, negated: string | undefined, set: string | undefined) => {
      if (set !== undefined) return `[${negated === '!' ? '^' : ''}${set.replace(/[\\[\]^]/g, '\\$&')}]`;
      return found === '*' ? '.*' : found === '?' ? '.' : `\\${found}`;
    },
  );
  return new RegExp(`^${source}$`, 'su');
}

function expandBraces(pattern: string): string[] {
  const found = /\{([^{}]*,[^{}]*)\}/.exec(pattern);
  if (found?.[1] === undefined) return [pattern];
  const head = pattern.slice(0, found.index);
  const tail = pattern.slice(found.index + found[0].length);
  return found[1].split(',').flatMap((word) => expandBraces(head + word + tail));
}

function sortedEntries(directory: string): Dirent[] {
  if (!isDirectory(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const WILDCARD = /[*?[{]/;
