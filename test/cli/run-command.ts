/**
 * Runs the real `multiproc` command as a child process and collects what it writes.
 *
 * Runs in the test process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withDeadline } from '../support/deadline.js';
import { describeFamily } from '../support/family.js';

/** How a command ended. `code` is that of a shell: 128 + n for signal n. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The file that the package installs as `multiproc`. */
export const MAIN: string = join(
  ROOT,
  (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { bin: { multiproc: string } }).bin.multiproc,
);
const DEADLINE_MS = 30_000;

/** Where the worker functions of the tests are. */
export const FUNCTIONS: string = join(ROOT, 'test/cli/fixtures/functions.mjs');
/** A module that throws when it is loaded. */
export const THROWS_AT_LOAD: string = join(ROOT, 'test/cli/fixtures/throws-at-load.mjs');

/** A started command. */
export class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #closed = false;
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], { input, cwd, env }: RunOptions = {}) {
    this.child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
    this.child.stdout?.on('data', (chunk: Buffer) => this.#grow('stdout', chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.#grow('stderr', chunk));
    this.child.stdin?.on('error', () => {}); // it may end without reading
    if (input !== undefined) this.child.stdin?.end(input);
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ code: code ?? 128 + constants.signals[signal ?? 'SIGKILL'], stdout: this.stdout, stderr: this.stderr });
        this.#closed = true;
        this.#wake();
      });
    });
  }

  /** Resolves when `condition` holds; it is asked again after each piece of output. */
  async until(condition: (command: this) => boolean, what: string): Promise<void> {
    const met = new Promise<void>((resolve, reject) => {
      const watcher = (): void => {
        if (condition(this)) resolve();
        else if (this.#closed)
          reject(new Error(`${what}: the command ended before\nstdout: ${this.stdout}\nstderr: ${this.stderr}`));
        else return;
        this.#watchers.delete(watcher);
      };
      this.#watchers.add(watcher);
      watcher();
    });
    await withDeadline(met, DEADLINE_MS, what);
  }

  #grow(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this[stream] += chunk.toString();
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** Runs a command to its end. Without `input` its stdin is empty. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const command = new Command(args, { input: '', ...options });
  return withDeadline(command.ended, DEADLINE_MS, `multiproc ${args.join(' ')}`);
}

/** Resolves when `condition` holds, for what no event tells. */
export async function polled(condition: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; !condition(); await delay(5)) {
    if (performance.now() > end) throw new Error(`${what}: not within ${DEADLINE_MS} ms\n${describeFamily()}`);
  }
}

/** The numbers 1 to n, one per line. */
export function lines(n: number): string {
  return Array.from({ length: n }, (_, index) => `${index + 1}\n`).join('');
}

/** A directory that goes when the test ends. */
export function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cli test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
