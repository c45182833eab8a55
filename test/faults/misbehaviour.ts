/**
 * What the crash matrices share: the fixtures that misbehave, the answers to a worker's death, a row that is run cell by cell.
 *
 * Runs in test processes.
 */
import assert from 'node:assert/strict';
import type { Event } from 'multiproc';
import { FIXTURES } from '../futures/executor-support.js';

interface Misbehave {
  act(action: string): unknown;
  run(action: string): unknown;
  decode(value: unknown): unknown;
  encode(action: string): unknown;
  /** `begins` is set in the very turn in which it misbehaves. */
  thenIdle(action: string, begins?: Event): number;
  InDecode: new (action: string) => object;
}

/** Functions that misbehave at one place of a task's way. */
export const misbehave = (await import(new URL('misbehave.mjs', FIXTURES).href)) as Misbehave;

const { imported } = (await import(new URL('misbehave-at-import.mjs', FIXTURES).href)) as { imported: () => string };

/** Has `submit` send a function whose module misbehaves when a worker loads it. */
export function misbehaveAtImport<T>(action: string, submit: (fn: () => string) => T): T {
  process.env['MISBEHAVE_AT_IMPORT'] = action;
  try {
    return submit(imported);
  } finally {
    delete process.env['MISBEHAVE_AT_IMPORT'];
  }
}

/** Only for tasks that do not end. */
export const TASK_TIMEOUT_MS = 500;

/** The answers to a worker's death. */
export const MODES = ['break', 'replace'] as const;
export type Mode = (typeof MODES)[number];

/** Runs each action for both modes, some cells at a time. @throws {AssertionError} If any failed; it tells all, by cell. */
export async function runCells(
  actions: readonly string[],
  atOnce: number,
  cell: (action: string, mode: Mode) => Promise<unknown>,
): Promise<void> {
  const cells = actions.flatMap((action) => MODES.map((mode) => ({ action, mode })));
  const failures: string[] = [];
  const runSome = async () => {
    for (let next = cells.shift(); next !== undefined; next = cells.shift()) {
      const { action, mode } = next;
      await cell(action, mode).catch((error: unknown) =>
        failures.push(`${action} [${mode}]: ${error instanceof Error ? error.stack : String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runSome));
  assert.equal(failures.length, 0, failures.join('\n'));
}
