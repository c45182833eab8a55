/**
 * What the tests of named shared memory share: memory that a test ends, a look at /dev/shm, Python.
 *
 * Runs in test processes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Process, SharedMemory } from '#src/index.js';
import { leavesNothing } from '../support/census.js';

export const hasPython: boolean = spawnSync('python3', ['-c', 'import multiprocessing.shared_memory']).status === 0;

/** Whether there is named memory of this name. */
export const isThere = (name: string): boolean => existsSync(`/dev/shm/${name}`);

/** The family lives as long as this process. */
const warmUp = async () => {
  const memory = new SharedMemory({ create: true, size: 8 });
  const process = new Process({ target: () => memory.name });
  await process.start();
  await process.join();
  memory.unlink();
  memory.close();
};

/** A test body that must leave nothing behind. */
export const clean = (body: () => Promise<void> | void): ReturnType<typeof leavesNothing> => leavesNothing(body, { warmUp });

/** Memory that is gone at the end of the body. */
export async function having(memory: SharedMemory, body: (memory: SharedMemory) => unknown): Promise<void> {
  try {
    await body(memory);
  } finally {
    memory.unlink();
    memory.close();
  }
}

/** What a program of Python prints. */
export function python(code: string, ...args: string[]): string {
  return execFileSync('python3', ['-c', code, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
