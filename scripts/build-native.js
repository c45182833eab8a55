/**
 * Builds the C addon with node-gyp into build/Release/multiproc.node (and, in a checkout, the fault-injection
 * build multiproc_faults.node beside it).
 *
 * Runs in a process of its own, from `npm run build:native` and from install.js. Does nothing when the
 * sources are those of the last build. Never installs anything.
 *
 * Which node-gyp: the one of this checkout (a devDependency, so that everybody builds with the same), else the
 * one that npm brings along and names in `npm_config_node_gyp` to the scripts it runs, else `node-gyp` on the
 * PATH (pnpm and yarn put theirs there). So it need not be a dependency of those who install the package.
 *
 * Headers: those beside the running node where its distribution has them (tarballs, nvm, Docker images,
 * NodeSource), so that most builds need no network; else node-gyp downloads them. The binary uses Node-API
 * only: one build serves every Node version, which is why the stamp does not depend on the version.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAMP = join(ROOT, 'build', 'multiproc.stamp');
const LIBRARY = 'multiproc';
const FAULT_BUILD = 'multiproc_faults';
const INSTALL_HINTS = `Install what is missing, then run this again:
  Debian, Ubuntu   sudo apt-get install g++ make python3
  Fedora, RHEL     sudo dnf install gcc-c++ make python3
  Alpine           sudo apk add g++ make python3 linux-headers`;

/** Why a build failed, in words for the person at the terminal. */
export class BuildError extends Error {}

/** `linux-x64-glibc`, `linux-arm64-musl` …: the folder below prebuilds/ that fits this process. */
export function platformName() {
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return `${process.platform}-${process.arch}-${libc}`;
}

/** Whether this is the repository rather than the installed package, which has no tests. */
export function isCheckout() {
  return existsSync(join(ROOT, 'test'));
}

/** The path of the library's binary, whether or not it exists. */
export function builtBinary(target = LIBRARY) {
  return join(ROOT, 'build', 'Release', `${target}.node`);
}

/**
 * Builds what is not up to date.
 *
 * @returns {boolean} false if there was nothing to do
 * @throws {BuildError} If a tool is missing or the compiler fails.
 */
export function buildNative({ force = false } = {}) {
  const targets = isCheckout() ? [LIBRARY, FAULT_BUILD] : [LIBRARY];
  const fingerprint = fingerprintOf(targets);
  if (!force && isUpToDate(targets, fingerprint)) return false;
  const missing = missingTools();
  if (missing.length > 0) {
    throw new BuildError(`Cannot build the native part of multiproc. Not installed: ${missing.join(', ')}.\n\n${INSTALL_HINTS}`);
  }
  rmSync(STAMP, { force: true });
  nodeGyp(['configure', ...headersOption()]);
  nodeGyp(['build', ...targets]);
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, `${fingerprint}\n`);
  return true;
}

/** The tools that no directory of the PATH has. */
export function missingTools() {
  const candidates = [
    ['gcc', [firstWord(process.env.CC), 'cc', 'gcc']],
    ['g++', [firstWord(process.env.CXX), 'g++', 'c++']],
    ['make', [firstWord(process.env.MAKE), 'make', 'gmake']],
    ['python3', [process.env.PYTHON, process.env.npm_config_python, 'python3', 'python']],
  ];
  return candidates.filter(([, names]) => !names.some((name) => name !== undefined && isOnPath(name))).map(([tool]) => tool);
}

function isUpToDate(targets, fingerprint) {
  if (!targets.every((target) => existsSync(builtBinary(target)))) return false;
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8').trim() === fingerprint;
}

function fingerprintOf(targets) {
  const hash = createHash('sha256');
  const sources = readdirSync(join(ROOT, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of [join(ROOT, 'binding.gyp'), ...sources.sort()]) {
    const content = readFileSync(file);
    hash.update(`${file.slice(ROOT.length)}\0${content.length}\0`).update(content);
  }
  return hash.update(`${platformName()} ${targets.join(' ')} ${process.env.CC ?? ''} ${process.env.CFLAGS ?? ''}`).digest('hex');
}

function nodeGyp(args) {
  const [command, ...prefix] = nodeGypCommand();
  const { status, error } = spawnSync(command, [...prefix, ...args, '--loglevel=warn'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) throw new BuildError(`Cannot build the native part of multiproc: ${command} does not start (${error.message}).`);
  if (status !== 0) {
    throw new BuildError(
      `Cannot build the native part of multiproc: node-gyp ${args[0]} failed with exit code ${status}, see above.`,
    );
  }
}

function nodeGypCommand() {
  try {
    return [process.execPath, createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')];
  } catch {
    // not installed beside us
  }
  const fromNpm = process.env.npm_config_node_gyp;
  if (fromNpm !== undefined && existsSync(fromNpm)) return [process.execPath, fromNpm];
  if (isOnPath('node-gyp')) return ['node-gyp'];
  throw new BuildError(
    'Cannot build the native part of multiproc: node-gyp was not found. Run this through npm, or install it: npm install -g node-gyp',
  );
}

function headersOption() {
  if (process.env.npm_config_nodedir !== undefined) return [];
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

function isOnPath(name) {
  const places = name.includes('/') ? [name] : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function firstWord(text) {
  return text?.trim().split(/\s+/)[0] || undefined;
}

function main() {
  if (process.platform !== 'linux') {
    console.log(`multiproc: nothing to build, ${process.platform} has no native part yet`);
    return;
  }
  try {
    const built = buildNative({ force: process.argv.includes('--force') });
    console.log(built ? 'multiproc: native part built' : 'multiproc: native part is up to date');
    dropShadowingPrebuilt();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}

/** The loader prefers a prebuilt binary: in a checkout one that is left from `npm run prebuilt` would hide what was just built. */
function dropShadowingPrebuilt() {
  const folder = join(ROOT, 'prebuilds', platformName());
  if (!isCheckout() || !existsSync(folder)) return;
  rmSync(folder, { recursive: true });
  console.log('multiproc: removed the older prebuilt binary, which the loader would have preferred');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
