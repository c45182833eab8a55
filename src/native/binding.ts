/**
 * Finds and loads the C addon: a prebuilt binary that fits, else the one built from source.
 *
 * Runs in every process, at first use only, so that types and pure helpers import on any platform.
 */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { ResourceExhaustedError, UnsupportedPlatformError } from '../errors.js';
import type { Addon } from './addon-types.js';
import { binaryCandidates } from './binary-candidates.js';

let loaded: Addon | undefined;

/**
 * The addon of this thread.
 *
 * @throws {UnsupportedPlatformError} If this is not Linux, or no binary is there or loads.
 */
export function binding(): Addon {
  return (loaded ??= load());
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
    return loadAddon(file);
  } catch (cause) {
    if (/Too many open files/.test(String(cause))) {
      const failure = { code: 'EMFILE', errno: EMFILE, syscall: 'dlopen' };
      throw new ResourceExhaustedError(
        'Cannot load the native part of multiproc: too many open files (EMFILE from dlopen)',
        failure,
        { cause },
      );
    }
    const refused = (cause as { code?: string }).code === 'ERR_DLOPEN_DISABLED';
    const hint = refused ? `; run node ${process.permission === undefined ? 'without --no-addons' : 'with --allow-addons'}` : '';
    throw new UnsupportedPlatformError(`Cannot load the native part of multiproc from ${file}: ${String(cause)}${hint}`, {
      cause,
    });
  }
}

/** As `require(file)` does it, which takes node longer to find the file than to load it. */
function loadAddon(file: string): Addon {
  const { cache } = createRequire('/');
  const filename = realpathSync.native(file);
  const there = cache[filename];
  if (there !== undefined) return there.exports as Addon; // of another copy of this code in this thread
  const module = { id: filename, path: dirname(filename), filename, exports: {}, loaded: false, children: [], paths: [] };
  process.dlopen(module, filename);
  module.loaded = true;
  cache[filename] = module as unknown as NodeJS.Module;
  return module.exports as Addon;
}

const EMFILE = 24;
