/**
 * What the tests of functions share: a worker of an executor, a Process, and user programs run by Node.
 *
 * Runs in test processes.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process, ProcessPoolExecutor } from '#src/index.js';

/** The fixtures as they are in the repository, not compiled. */
export const FIXTURES: URL = new URL('../../test/fixtures/functions/', import.meta.url);
/** For programs of their own: a module whose `startChild` gives a worker. */
export const HARNESS: string = fileURLToPath(new URL('executor-harness.mjs', FIXTURES));

/** A child that runs functions. */
export interface Child {
  call<R>(fn: unknown, ...args: unknown[]): Promise<R>;
}
type Task = (...args: unknown[]) => unknown;

const { writeVariant } = (await import(new URL('variants.mjs', FIXTURES).href)) as {
  writeVariant: (folder: string, kind: string) => string;
};

/** Runs `use` with a worker, and ends the worker. */
export async function withChild<T>(use: (child: Child) => Promise<T>): Promise<T> {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  try {
    return await use({
      call: <R>(fn: unknown, ...args: unknown[]) => executor.submit(fn as Task, ...args).result() as Promise<R>,
    });
  } finally {
    await executor.shutdown();
  }
}

/** Runs `use` with a child that lives for one call. */
export async function withProcesses<T>(use: (child: Child) => Promise<T>): Promise<T> {
  return use({
    async call<R>(target: unknown, ...args: unknown[]) {
      const child = new Process({ target: target as Task, args });
      await child.start();
      return (await child.result()) as R;
    },
  });
}

/** Runs the fixture cases as a program of one kind; gives what it prints. */
export async function runVariant(kind: string, flags: readonly string[] = [], node: string = process.execPath): Promise<unknown> {
  return withFolder(async (folder) => JSON.parse((await runNode([...flags, writeVariant(folder, kind)], '', node)).output));
}

/** Runs `use` with a new folder, and removes it. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-functions-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs Node with these arguments; whatever it prints on stderr is a failure. */
export function runNode(
  args: readonly string[],
  input = '',
  node: string = process.execPath,
  variables: Record<string, string> = {},
): Promise<{ output: string }> {
  return new Promise((resolve, reject) => {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
    const program = spawn(node, args, {
      env: { ...env, MULTIPROC_HARNESS: HARNESS, ...variables },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    let complaints = '';
    program.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    program.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    program.on('error', reject);
    program.on('close', (code) => {
      if (code === 0 && complaints === '') resolve({ output });
      else reject(new Error(`node ended with ${code}: ${complaints}${output}`));
    });
    program.stdin.end(input);
  });
}
