/**
 * Which scripts are "main": functions of these travel by value, because a child never runs them a second time.
 *
 * Runs in the sending process (or thread: a worker's entry script is its main).
 */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { foreignMains } from './definitions.js';
import { fileOf } from './file-url.js';
import { insideVitest, vitestFile } from './module-vite.js';

/** The entry as it was when the library was loaded; test runners rewrite it later. */
const ENTRY = process.argv[1];

let mainFiles: Set<string> | undefined;

/** Whether functions of this script travel by value: the main script, `-e`, stdin, the REPL, a test file of a runner, an eval. */
export function isMainScript(url: string): boolean {
  if (url.startsWith('data:') || url.startsWith('node:')) return false;
  if (!url.startsWith('file:')) return true;
  const file = fileOf(url);
  if (foreignMains.has(url)) return true;
  if (mainScripts().has(file)) return true;
  if (/(?:^|\/)\[[^\]/]+\]$/.test(file) && !existsSync(file)) return true;
  return isTestFile(file);
}

/** The files of the main script. */
export function mainScripts(): ReadonlySet<string> {
  mainFiles ??= findMainFiles();
  return mainFiles;
}

function findMainFiles(): Set<string> {
  const files = new Set<string>();
  const require = createRequire('/');
  const commonMain = (require.main as { filename?: string } | undefined)?.filename;
  if (commonMain !== undefined) files.add(commonMain);
  if (ENTRY === undefined) return files;
  let file = resolve(ENTRY.startsWith('file:') ? fileURLToPath(ENTRY) : ENTRY);
  files.add(file);
  if (!existsSync(file) || !/\.\w+$/.test(file)) {
    try {
      file = require.resolve(file);
    } catch {
      return files;
    }
  }
  files.add(file);
  files.add(realpathSync(file));
  return files;
}

/** Runners that evaluate the test file themselves: vitest, jest, and `node --test` without a process per file. */
function isTestFile(file: string): boolean {
  if (insideVitest()) return vitestFile() === file;
  if (process.env['NODE_TEST_CONTEXT'] !== undefined) return false; // a process of its own for each file, which is its main script
  if (process.env['JEST_WORKER_ID'] !== undefined || process.execArgv.some((flag) => flag.startsWith('--test'))) {
    return /[.-](?:test|spec)\.[cm]?[jt]sx?$|[\\/](?:__tests__|test)[\\/]/.test(file);
  }
  return false;
}
