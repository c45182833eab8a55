/**
 * Writes package-lock.json anew, for all platforms: `npm run lock`, after every change of the dependencies.
 *
 * Runs in a process of its own, and npm in an empty folder, so that what is installed here has no influence. npm leaves out
 * the tools' binaries for other platforms where its registry does not serve them (npm/cli#9343), and `npm ci` then refuses
 * the file everywhere: those entries are added here, with their version and platform, without a checksum.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

const folder = mkdtempSync(join(tmpdir(), 'lock-'));
try {
  for (const file of ['package.json', '.npmrc']) copyFileSync(join(ROOT, file), join(folder, file));
  const { status } = spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], { cwd: folder, stdio: 'inherit' });
  if (status === 0) complete(JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')));
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Adds an entry for every optional dependency that has none, and writes the file. */
function complete(lock) {
  for (const [name, version] of optionalDependencies(lock))
    lock.packages[`node_modules/${name}`] ??= platformEntry(name, version);
  const [root, ...others] = Object.entries(lock.packages);
  lock.packages = Object.fromEntries([root, ...others.sort(([a], [b]) => a.localeCompare(b, 'en'))]);
  writeFileSync(join(ROOT, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`);
}

function optionalDependencies(lock) {
  return Object.entries(lock.packages).flatMap(([path, entry]) =>
    path === '' ? [] : Object.entries(entry.optionalDependencies ?? {}),
  );
}

/** What npm would have written, as far as a name such as `@oxlint/binding-linux-x64-musl` tells. */
function platformEntry(name, version) {
  const words = name.split(/[/-]/);
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  const os = words.filter((word) => SYSTEMS.includes(word));
  const libc = words.flatMap((word) => (word.startsWith('musl') ? 'musl' : word.startsWith('gnu') ? 'glibc' : []));
  if (!/^\d+\.\d+\.\d+/.test(version) || os.length !== 1 || cpu.length !== 1) {
    throw new Error(`Cannot complete package-lock.json: the platform of ${name}@${version} is not known`);
  }
  return { version, cpu, dev: true, ...(os[0] === 'linux' && libc.length > 0 && { libc }), optional: true, os };
}
