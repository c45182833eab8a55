// What the matrix runs on, fetched at first need into .cache/ (gitignored): Node binaries, loaders, bundlers, runners.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TOOLS = join(ROOT, '.cache/loaders');
const VERSIONS = {
  '@vitest/coverage-istanbul': '4.1.12',
  '@vitest/coverage-v8': '4.1.12',
  jest: '30.5.2',
  nyc: '17.1.0',
  'ts-node': '10.9.2',
  tsx: '4.23.15',
  typescript: '5.9.3',
  vitest: '4.1.12',
};

/** The Node binary of a line, such as 22. */
export function nodeOfLine(line) {
  const name = `node-linux-${process.arch}`;
  const folder = join(ROOT, `.cache/node-${line}`);
  const binary = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(binary)) install(folder, [`${name}@${line}`]);
  return binary;
}

/** A file of a tool. */
export function tool(path) {
  return join(TOOLS, 'node_modules', path);
}

/** Fetches the tools unless they are there in these versions. */
export function fetchTools() {
  const missing = Object.entries(VERSIONS).filter(([name, version]) => versionOf(name) !== version);
  if (missing.length > 0)
    install(TOOLS, ['--legacy-peer-deps', ...Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)]);
}

/** Installs this library into a folder, as npm would put it there, and the tools beside it. */
export function installInto(folder, { tools }) {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  const packed = [
    'package.json',
    'dist',
    ...['prebuilds', 'build/Release/multiproc.node'].filter((path) => existsSync(join(ROOT, path))),
  ];
  for (const path of packed) cpSync(join(ROOT, path), join(modules, 'multiproc', path), { recursive: true });
  if (!tools) return;
  for (const name of readdirSync(tool('.'))) {
    if (name !== 'multiproc') symlinkSync(tool(name), join(modules, name));
  }
}

function versionOf(name) {
  const manifest = tool(`${name}/package.json`);
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined;
}

function install(folder, packages) {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, 'package.json'))) writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--save-exact', ...packages], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`npm install ${packages.join(' ')} failed with exit code ${status}`);
}
