/**
 * Checks that imports within src/ point down only: each layer may import the layers above it in this list, itself, and
 * nothing else of the library. Part of `npm run check`.
 *
 * Runs in a process of its own. (A rule per folder in the linter's configuration would say the same sixteen times.)
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From the bottom up; folders of one row do not know one another. The last parts are single files. */
const LAYERS = [
  ['errors'],
  ['native'],
  ['substrate', 'wire'],
  ['sharing'],
  ['sync', 'channel', 'logging'],
  ['memory'],
  ['proxies'],
  ['process'],
  ['threads'],
  ['workers'],
  ['futures', 'pool'],
  ['manager'],
  ['context'],
  ['threads-index'],
  ['index'],
  ['cli'],
];
/** Who may use the addon: a second substrate must be able to take its place. (cli: `multiproc doctor` reports on it.) */
const KNOWS_PLATFORM = ['native', 'substrate', 'process', 'threads', 'cli'];
/** Of native/, what has nothing to do with the addon: it finds the package's own files. */
const OF_ANY_PLATFORM = 'native/own-files.ts';
const SRC = fileURLToPath(new URL('../src', import.meta.url));
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.[^'"]*)\1/g;

const rank = new Map(LAYERS.flatMap((names, index) => names.map((name) => [name, index])));
const files = readdirSync(SRC, { recursive: true }).filter((file) => file.endsWith('.ts'));
const complaints = files.flatMap((file) => [
  ...unknownLayer(file),
  ...importsOf(file).flatMap((target) => complaintsOn(file, target)),
]);
for (const complaint of complaints) console.error(complaint);
console.log(`${files.length} files, ${complaints.length === 0 ? 'all imports point down' : `${complaints.length} complaints`}`);
process.exitCode = complaints.length === 0 ? 0 : 1;

/** The first folder below src/, or the name of a file that stands directly in it. */
function layerOf(file) {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.ts$/, '');
}

function unknownLayer(file) {
  return rank.has(layerOf(file))
    ? []
    : [`src/${file}: '${layerOf(file)}' is no layer; the layers are those of scripts/check-layers.js`];
}

/** The files of src/ that this one imports, re-exports or imports dynamically. */
function importsOf(file) {
  const text = readFileSync(join(SRC, file), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  return [...text.matchAll(IMPORT)].map((match) => relative(SRC, join(SRC, dirname(file), match[2])).replace(/\.js$/, '.ts'));
}

function complaintsOn(file, target) {
  const [from, to] = [layerOf(file), layerOf(target)];
  if (target.startsWith('..') || from === to) return [];
  if (to === 'native' && target !== OF_ANY_PLATFORM && !KNOWS_PLATFORM.includes(from)) {
    return [`src/${file}: imports src/${target}, but only ${KNOWS_PLATFORM.join(', ')} may know the platform`];
  }
  if ((rank.get(to) ?? Infinity) < rank.get(from)) return [];
  const relation = rank.get(to) === rank.get(from) ? `beside '${from}'` : `above '${from}'`;
  return [`src/${file}: imports src/${target}, but '${to}' stands ${relation}: imports point down only`];
}
