/**
 * What the tests of processes share: programs from `test/fixtures/process` run as main programs, lines of a
 * stream, and whether a pid is gone.
 *
 * Runs in test processes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Process } from '#src/index.js';
import { type CensusOptions, leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';

/** Generous: a test must fail because of what happens, not because the machine is slow. */
export const DEADLINE_MS = 30_000;

const FIXTURES = fileURLToPath(new URL('../../test/fixtures/process/', import.meta.url));
const POLL_MS = 10;

/** `leavesNothing` with the family's memory, doorbell and supervisor brought up before the first count. */
export function clean(body: (t: TestContext) => unknown, options: CensusOptions = {}): (t: TestContext) => Promise<void> {
  return leavesNothing(body, { warmUp, ...options });
}

async function warmUp(): Promise<void> {
  const process = new Process({ target: () => {}, stdio: 'ignore' });
  await process.start();
  await process.join();
}

/** Settles as the promise does, with an explanation when it does not in time. */
export function soon<T>(promise: PromiseLike<T>, what: string): Promise<T> {
  return withDeadline(promise, DEADLINE_MS, what);
}

/** Starts a process whose stdio is ignored unless the options say otherwise, and has it killed after the test. */
export async function started<A extends unknown[], R>(
  t: TestContext,
  options: ConstructorParameters<typeof Process<A, R>>[0],
): Promise<Process<A, R>> {
  const process = new Process<A, R>({ stdio: 'ignore', ...options });
  await process.start();
  t.after(async () => {
    if (!process.done()) process.kill();
    await process.join().catch(() => {});
    process.close();
  });
  return process;
}

/** The path of a fixture program. */
export function fixture(name: string): string {
  return join(FIXTURES, name);
}

/** A new folder that is removed after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'multiproc-process-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Reads a stream line by line. */
export class Lines {
  text = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(stream: Readable) {
    stream.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
      this.#wake();
    });
    for (const end of ['end', 'close']) {
      stream.on(end, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** The first whole line that matches. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const search = async () => {
      for (;;) {
        for (const line of this.text.split('\n').slice(0, -1)) {
          const found = pattern.exec(line);
          if (found !== null) return found;
        }
        if (this.#ended) throw new Error(`The stream ended before a line matched ${pattern}: ${this.text}`);
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    };
    return soon(search(), `a line that matches ${pattern}, received ${this.text}`);
  }

  /** Everything, when the stream has ended. */
  async all(): Promise<string> {
    const wait = async () => {
      while (!this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
      return this.text;
    };
    return soon(wait(), 'the end of the stream');
  }
}

/** How a program ended; `code` is negative for a signal. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A main program that runs. */
export class Program {
  readonly child: ChildProcess;
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly ended: Promise<Ended>;

  constructor(
    t: TestContext,
    command: string,
    args: readonly string[],
    { input = '', env = {}, detached = false }: { input?: string; env?: Record<string, string>; detached?: boolean } = {},
  ) {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...inherited } = process.env;
    this.child = spawn(command, args, { env: { ...inherited, ...env }, stdio: 'pipe', detached });
    this.stdout = new Lines(this.child.stdout as Readable);
    this.stderr = new Lines(this.child.stderr as Readable);
    this.child.stdin?.on('error', () => {}); // it may end without reading
    this.child.stdin?.end(input);
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        resolve({
          code: code ?? -constants.signals[signal as NodeJS.Signals],
          stdout: this.stdout.text,
          stderr: this.stderr.text,
        });
      });
    });
    t.after(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** The end, which must come soon. */
  async end(): Promise<Ended> {
    return soon(this.ended, `the program's end (stderr: ${this.stderr.text})`);
  }

  /** The value after `key=` in the first line that begins so, as JSON. */
  async value<T>(key: string): Promise<T> {
    const [, json] = await this.stdout.line(new RegExp(`^${key}=(.*)$`)).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\nstderr: ${this.stderr.text}`);
    });
    return JSON.parse(json as string) as T;
  }
}

/** Runs a fixture with node. */
export function program(
  t: TestContext,
  name: string,
  args: readonly string[] = [],
  options: ConstructorParameters<typeof Program>[3] & { flags?: readonly string[] } = {},
): Program {
  return new Program(t, process.execPath, [...(options.flags ?? []), fixture(name), ...args], options);
}

/** Whether a pid is no living process; one that init has not reaped yet is dead as well. */
export function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

/** Milliseconds until all are gone. */
export async function untilGone(pids: readonly number[]): Promise<number> {
  const begin = performance.now();
  const wait = async () => {
    while (!pids.every(isGone)) await sleep(POLL_MS);
  };
  await soon(wait(), `processes ${pids.join(', ')} are gone`);
  return performance.now() - begin;
}

/** Resolves as soon as `condition` holds; it is asked again and again. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const wait = async () => {
    while (!condition()) await sleep(POLL_MS);
  };
  await soon(wait(), what);
}
