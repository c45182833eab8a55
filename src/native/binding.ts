/**
 * Finds and loads the C addon: a prebuilt binary that fits, else the one built from source.
 *
 * Runs in every process, at first use only, so that types and pure helpers import on any platform.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ResourceExhaustedError, UnsupportedPlatformError } from '../errors.js';
import type { Addon } from './addon-types.js';
import { fileBeside, fileOfPackage } from './own-files.js';

let loaded: Addon | undefined;

/**
 * The addon of this thread.
 *
 * @throws {UnsupportedPlatformError} If this is not Linux, or no binary is there or loads.
 */
export function binding(): Addon {
  return (loaded ??= load());
}

/** Where the binary is looked for, best first. */
export function binaryCandidates(): string[] {
  const libc = process.platform === 'linux' && isMusl() ? 'musl' : 'glibc';
  const paths =
    process.env['MULTIPROC_FAULT'] === undefined
      ? [`prebuilds/${process.platform}-${process.arch}-${libc}/multiproc.node`, 'build/Release/multiproc.node']
      : ['build/Release/multiproc_faults.node'];
  const isOurPackage =
    fileBeside(import.meta.url, ...[...paths, 'scripts/build-native.js'].map((path) => `../../${path}`)) !== undefined;
  return paths.map(isOurPackage ? (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url)) : fileOfPackage);
}

function load(): Addon {
  if (process.platform !== 'linux') {
    throw new UnsupportedPlatformError(
      `Cannot load the native part of multiproc: ${process.platform} has no sealed memfd, futex and pidfd; multiproc runs on Linux 5.6 or newer`,
    );
  }
  const file = binaryCandidates().find((path) => existsSync(path));
  if (file === undefined) {
    throw new UnsupportedPlatformError(
      `Cannot load the native part of multiproc: no binary for ${process.platform}-${process.arch}; build it with 'npm rebuild multiproc' (needs g++, make and python3), looked for ${binaryCandidates().join(', ')}`,
    );
  }
  try {
    return createRequire('/')(file) as Addon; // of this file, node would read our package.json first
  } catch (cause) {
    if (/Too many open files/.test(String(cause))) {
      const failure = { code: 'EMFILE', errno: EMFILE, syscall: 'dlopen' };
      throw new ResourceExhaustedError(
        'Cannot load the native part of multiproc: too many open files (EMFILE from dlopen)',
        failure,
        { cause },
      );
    }
    const hint = (cause as { code?: string }).code === 'ERR_DLOPEN_DISABLED' ? '; run node with --allow-addons' : '';
    throw new UnsupportedPlatformError(`Cannot load the native part of multiproc from ${file}: ${String(cause)}${hint}`, {
      cause,
    });
  }
}

const EMFILE = 24;

function isMusl(): boolean {
  return (
    existsSync(`/lib/ld-musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`) && !existsSync('/lib64/ld-linux-x86-64.so.2')
  );
}
