import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOT_OURS = new Set(['.git', '.cache', 'node_modules', 'dist', 'dist-test', 'build', 'prebuilds', 'coverage', 'results']);
/** Where every system has something. */
const EVERYWHERE = new Set(['/', '/tmp', '/home', '/usr', '/usr/src', '/opt', '/srv', '/var', '/mnt']);

function* ourFiles(folder = ''): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !NOT_OURS.has(entry.name)) yield* ourFiles(path);
    else if (entry.isFile() && !path.endsWith('.log')) yield path;
  }
}

test('no file names a folder of the machine that this checkout stands on', () => {
  const folders = [ROOT, join(ROOT, '..'), homedir()]
    .map((folder) => folder.replace(/(?<=.)\/$/, ''))
    .filter((folder) => !EVERYWHERE.has(folder));
  const machinePath = new RegExp(
    `(?:^|[^\\w.])(?:${folders.map((folder) => folder.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})/`,
  );
  const found = [...ourFiles()].flatMap((path) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .flatMap((line, index) => (machinePath.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
  assert.deepEqual(found, []);
});

test('package-lock.json names no registry, so that everybody installs from their own', () => {
  const hosts = readFileSync(join(ROOT, 'package-lock.json'), 'utf8').match(/"resolved": *"https?:.*/g);
  assert.equal(hosts, null);
});

test('package-lock.json has the packages of every platform: run npm run lock after changing dependencies', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const missing = Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)));
  assert.deepEqual(missing, []);
});

test('package.json publishes every script that its install script needs, and nothing that needs git', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    files: string[];
    scripts: Record<string, string>;
  };
  const published = new Set(manifest.files);
  const needed = (path: string): string[] => [
    path,
    ...[...readFileSync(join(ROOT, path), 'utf8').matchAll(/from '\.\/(.*?)'/g)].flatMap((match) =>
      needed(`scripts/${match[1]}`),
    ),
  ];
  assert.equal(manifest.scripts['install'], 'node scripts/install.js');
  for (const path of needed('scripts/install.js')) assert.ok(published.has(path), `${path} is published`);
});
