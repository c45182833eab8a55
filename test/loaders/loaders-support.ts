/**
 * What the tests of loaders share: the matrix's own list and runner, which stay JavaScript.
 *
 * Runs in test processes.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One way to run a program, see loaders.mjs. */
export interface Loader {
  readonly name: string;
  readonly from?: number;
  readonly tools?: boolean;
}
interface LoaderModule {
  readonly LOADERS: readonly Loader[];
  runLoader(loader: Loader, node: string): Promise<Record<string, unknown>>;
  wrongCases(results: Record<string, unknown>, loader: Loader): string[];
}

const folder = new URL('../../test/loaders/', import.meta.url);
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));
export const { LOADERS, runLoader, wrongCases } = (await import(new URL('loaders.mjs', folder).href)) as LoaderModule;
/** How the library comes into a project, and where the tools are, fetched or not. */
export const { installInto, tool } = (await import(new URL('tools.mjs', folder).href)) as {
  tool(path: string): string;
  installInto(folder: string, options: { tools: boolean }): void;
};

/** Runs `use` with a folder that has the library in its node_modules and these files. */
export async function withProject<T>(files: Record<string, string>, use: (folder: string) => Promise<T>): Promise<T> {
  const project = mkdtempSync(join(tmpdir(), 'multiproc-project-'));
  try {
    installInto(project, { tools: false });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
    return await use(project);
  } finally {
    rmSync(project, { recursive: true, maxRetries: 3 });
  }
}

/** Bundles a file of a project with esbuild. */
export function bundle(project: string, main: string, out: string, ...options: string[]): void {
  const args = [main, '--bundle', '--platform=node', `--outfile=${out}`, '--log-level=error', ...options];
  const { status, stderr } = spawnSync(join(ROOT, 'node_modules/.bin/esbuild'), args, { cwd: project, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Runs node in a folder; settles within `DEADLINE_MS`, whatever the program does. */
export function runIn(cwd: string, args: readonly string[], node: string = process.execPath): Promise<Ran> {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(node, args, { cwd, env, timeout: DEADLINE_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      resolve({ stdout, stderr, code: error === null ? 0 : (error.code ?? error.signal ?? 1) });
    });
  });
}

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: string | number;
}

const DEADLINE_MS = 30_000;
