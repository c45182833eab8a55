/**
 * What the tests of executors share: tasks, gates that tests open, programs that use an executor.
 *
 * Runs in test processes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Pool, ProcessPoolExecutor, type ProcessPoolExecutorOptions } from 'multiproc';
import { leavesNothing, type CensusOptions } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';
import { familyOf } from '../support/family.js';

/** The fixtures as they are in the repository, not compiled. */
export const FIXTURES: URL = new URL('../../test/fixtures/futures/', import.meta.url);

/** Far above what anything here takes; a test that reaches it hangs. */
export const DEADLINE_MS = 30_000;

interface Tasks {
  square(x: number): number;
  add(...numbers: number[]): number;
  identity<T>(value: T): T;
  pid(): number;
  ppid(): number;
  bytes(size: number): Uint8Array;
  lengthOf(value: { length: number }): number;
  later<T>(value: T, ms?: number): Promise<T>;
  Point: new (x: number, y: number) => { x: number; y: number; norm(): number };
  block<T>(gate: string, value: T): T;
  hold<T>(gate: string, value: T): Promise<T>;
  note(file: string, text: string): string;
  spin(ms: number): number;
  fail(message: string): never;
  throwValue(value: unknown): never;
  exit(code: number): never;
  die(signal: string): never;
  busy(): never;
  recurse(n?: number): number;
  unhandled(message: string): Promise<never>;
  timerError(message: string): Promise<never>;
  initialize(...args: unknown[]): void;
  initialized(): { given: unknown[] | undefined; calls: number; pid: number };
}

export const tasks = (await import(new URL('tasks.mjs', FIXTURES).href)) as Tasks;

/** What lives as long as the process: the arena, the doorbell, the supervisor. */
export async function warmUp(): Promise<void> {
  const executor = new ProcessPoolExecutor({ maxWorkers: 1 });
  await executor.submit(tasks.square, 1);
  await executor.shutdown();
}

/** A test that leaves nothing and ends in time. */
export function executorTest(
  title: string,
  body: (t: TestContext) => Promise<unknown>,
  options: CensusOptions & { deadlineMs?: number } = {},
): void {
  test(
    title,
    leavesNothing((t) => withDeadline(body(t), options.deadlineMs ?? 2 * DEADLINE_MS, 'the test'), { warmUp, ...options }),
  );
}

/** Runs `use` with an executor and shuts it down, whatever happens. */
export function withExecutor<T>(
  options: ProcessPoolExecutorOptions,
  use: (executor: ProcessPoolExecutor) => Promise<T>,
): Promise<T> {
  return shutDownAfter(new ProcessPoolExecutor(options), use);
}

/** The same with this executor. */
export async function shutDownAfter<E extends Pick<ProcessPoolExecutor, 'killWorkers' | 'shutdown'>, T>(
  executor: E,
  use: (executor: E) => Promise<T>,
): Promise<T> {
  try {
    return await use(executor);
  } catch (error) {
    await executor.killWorkers();
    throw error;
  } finally {
    await inTime(executor.shutdown(), 'shutdown()');
  }
}

/** Runs `use` with a pool, then closes and joins it; terminates it if something fails. */
export async function closeAfter<P extends Pick<Pool, 'close' | 'join' | 'terminate'>, T>(
  pool: P,
  use: (pool: P) => Promise<T>,
): Promise<T> {
  try {
    const result = await use(pool);
    pool.close();
    await inTime(pool.join(), 'join()');
    return result;
  } finally {
    await inTime(pool.terminate(), 'terminate()');
  }
}

/** The promise, within the deadline of all tests. */
export function inTime<T>(promise: PromiseLike<T>, what = 'the promise'): Promise<T> {
  return withDeadline(promise, DEADLINE_MS, what);
}

/** The error that a promise rejects with. */
export async function errorOf(promise: PromiseLike<unknown>, what = 'the error'): Promise<Error & Record<string, unknown>> {
  const outcome = await inTime(
    Promise.resolve(promise).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
    what,
  );
  assert.ok('error' in outcome, `${what}: it resolved to ${'value' in outcome ? String(outcome.value) : ''}`);
  return outcome.error as Error & Record<string, unknown>;
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await inTime(
    (async () => {
      while (!condition()) await sleep(2);
    })(),
    what,
  );
}

/** A folder that goes with the test. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-executor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file that tasks wait for; open at the latest when the test ends. */
export function gate(t: TestContext, name = 'gate'): { path: string; open(): void } {
  const path = join(scratch(t), name);
  const open = () => writeFileSync(path, '');
  t.after(() => {
    if (existsSync(path.slice(0, path.lastIndexOf('/')))) open();
  });
  return { path, open };
}

/** The lines that `note` has written. */
export function notes(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}

/** Process ids of the living workers of this process. */
export function workerPids(): number[] {
  return familyOf()
    .filter(({ command, state }) => command.includes('worker-entry') && state !== 'Z')
    .map(({ pid }) => pid);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** How a program ended and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly complaints: string;
  /** Milliseconds from its start to its end. */
  readonly ms: number;
}

/** Runs a program of the fixtures to its end. */
export function program(name: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> {
  return programAt(fileURLToPath(new URL(name, FIXTURES)), args, env);
}

/** Runs the program in this file to its end. */
export async function programAt(path: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const began = performance.now();
  const child = spawn(process.execPath, [path, ...args], { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('exit', (code, signal) => {
      const ms = performance.now() - began;
      child.on('close', () => resolve({ code, signal, output, complaints, ms }));
    });
  });
  try {
    return await withDeadline(ended, 2 * DEADLINE_MS, `the program ${path}`);
  } finally {
    child.kill('SIGKILL');
  }
}
