/**
 * Which modules a fork server loads before it serves, as it is told.
 *
 * Runs in parents, which say it, and in fork servers, which do it.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { workingFolder } from '../../native/own-files.js';
import { forkserverPreload, type ForkserverPreload } from '../forkserver-preload.js';

/** What a fork server is told to load. */
export interface Preload extends ForkserverPreload {
  /** Names are resolved as an import in this file would be: URL of the main script. */
  readonly base: string;
}

/** A module that could not be loaded. */
export interface PreloadFailure {
  readonly module: string;
  readonly message: string;
}

/** What a server started now is to load. */
export function preloadNow(): Preload {
  const base = pathToFileURL(process.argv[1] ?? join(workingFolder(), 'main.js')).href;
  return { ...forkserverPreload(), base };
}
