/**
 * Counts what a test may leave behind, before and after it: processes, file descriptors, shared-memory and
 * temporary names, shared mappings, the library's native threads, and handles that hold the event loop.
 *
 * Runs in the test process. Never judges what was there before the test began.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { familyOf, linkOf, listOf, markFamily, withoutSpares } from './family.js';

/** One line per thing, each with a key that names this very thing: two snapshots differ by set difference. */
export type Census = ReadonlyMap<string, string>;

export interface CensusOptions {
  /** Brings up what lives as long as the process (the arena, the doorbell, the supervisor); runs once, before the first snapshot. */
  warmUp?: () => unknown;
  /** Lines that match any of these are not held against the test. */
  allow?: readonly RegExp[];
  /** How long asynchronous cleanup may take, in milliseconds; 5000 by default. */
  graceMs?: number;
}

const POLL_MS = 20;
const DEFAULT_GRACE_MS = 5_000;
const SHARED = '/dev/shm';
const OWN_NAME = /^(multiproc|mp-)/;
const warmedUp = new Set<() => unknown>();

markFamily();
takeOwnFolder();
// Both streams open a handle at their first use, which would otherwise be held against the first test that prints.
void process.stdout;
void process.stderr;

/** Temporary names of other test files are none of this one's business. */
function takeOwnFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), 't-'));
  process.env['TMPDIR'] = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

/** What exists now. */
export function census(): Census {
  return new Map([...processes(), ...fileDescriptors(), ...names(), ...mappings(), ...nativeThreads(), ...handles()]);
}

/** The lines of `after` that `before` does not have. */
export function leftovers(before: Census, after: Census): string[] {
  return [...after].filter(([key]) => !before.has(key)).map(([, line]) => line);
}

/**
 * Wraps the body of a test: it fails when it leaves something behind that is still there after the grace time.
 *
 * - Cleanup registered with `t.after` runs before the verdict, last registered first.
 * - Left processes are killed, so that they harm no later test.
 * - An error of the body itself wins over the verdict.
 *
 * @example test('Process.join() resolves', leavesNothing(async (t) => { … }));
 */
export function leavesNothing(
  body: (t: TestContext) => unknown,
  { warmUp, allow = [], graceMs = DEFAULT_GRACE_MS }: CensusOptions = {},
): (t: TestContext) => Promise<void> {
  return async (t) => {
    if (warmUp !== undefined && !warmedUp.has(warmUp)) {
      await warmUp();
      warmedUp.add(warmUp);
    }
    const before = census();
    const left = (): string[] => leftovers(before, census()).filter((line) => !allow.some((pattern) => pattern.test(line)));
    try {
      await runWithCleanup(t, body);
    } catch (error) {
      if (left().length > 0) killNewcomers(before);
      throw error;
    }
    const deadline = performance.now() + graceMs;
    let rest = left();
    while (rest.length > 0 && performance.now() < deadline) {
      await sleep(POLL_MS);
      rest = left();
    }
    if (rest.length === 0) return;
    killNewcomers(before);
    throw new Error(`The test left something behind after ${graceMs} ms:\n  ${rest.join('\n  ')}`);
  };
}

/** Runs the body with a context whose `after` is ours, because node:test runs its own hooks after the verdict. */
async function runWithCleanup(t: TestContext, body: (t: TestContext) => unknown): Promise<void> {
  const cleanups: Array<() => unknown> = [];
  const context = new Proxy(t, {
    get(target, key) {
      if (key === 'after') return (cleanup: () => unknown) => void cleanups.push(cleanup);
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  try {
    await body(context);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

function killNewcomers(before: Census): void {
  for (const member of familyOf()) {
    if (before.has(`process ${member.pid} ${member.startTime}`)) continue;
    try {
      process.kill(member.pid, 'SIGKILL');
    } catch {
      // It is gone by now.
    }
  }
}

function processes(): Array<[string, string]> {
  return withoutSpares(familyOf()).map(({ pid, startTime, parentPid, state, command }) => [
    `process ${pid} ${startTime}`,
    `process ${pid} (parent ${parentPid}, state ${state}): ${command}`,
  ]);
}

function fileDescriptors(): Array<[string, string]> {
  return listOf('/proc/self/fd').flatMap((fd): Array<[string, string]> => {
    const target = linkOf(`/proc/self/fd/${fd}`);
    // The listing itself has the folder open; by now that is closed and its link dangles.
    return target === undefined ? [] : [[`fd ${fd} ${target}`, `file descriptor ${fd}: ${target}`]];
  });
}

/** Files that run beside this one have names of their own. */
function names(): Array<[string, string]> {
  return [...temporaryNames(), ...sharedNames()].map((path) => [`name ${path}`, `name ${path}`]);
}

function temporaryNames(): string[] {
  return listOf(tmpdir())
    .filter((name) => OWN_NAME.test(name))
    .map((name) => join(tmpdir(), name));
}

/** The records of named memory say in which family each name was made. */
function sharedNames(): string[] {
  const pids = new Set([process.pid, ...familyOf().map(({ pid }) => pid)]);
  return listOf(SHARED)
    .filter((folder) => folder.startsWith('multiproc-'))
    .flatMap((folder) => listOf(join(SHARED, folder)).map((record) => join(SHARED, folder, record)))
    .filter((record) => pids.has(Number.parseInt(basename(record), 10)))
    .map((record) => `${record} -> ${linkOf(record) ?? 'memory'}`);
}

function mappings(): Array<[string, string]> {
  return numbered(
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .flatMap((line) => /\/(memfd:|dev\/shm\/).*$/.exec(line)?.[0] ?? []),
    'mapping',
  );
}

function nativeThreads(): Array<[string, string]> {
  const threadNames = readdirSync('/proc/self/task').map((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim();
    } catch {
      return ''; // it ended meanwhile
    }
  });
  return numbered(
    threadNames.filter((name) => OWN_NAME.test(name)),
    'native thread',
  );
}

function handles(): Array<[string, string]> {
  return numbered(process.getActiveResourcesInfo(), 'handle');
}

/** Turns equal texts into different keys: the third `Timeout` is `handle Timeout #3`. */
function numbered(texts: readonly string[], kind: string): Array<[string, string]> {
  const seen = new Map<string, number>();
  return texts.map((text) => {
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    return [`${kind} ${text} #${count}`, `${kind} ${text}`];
  });
}
