/**
 * The check of the folder in which named shared memory lives.
 *
 * Runs in the parent. What it makes there is gone at once.
 */
import { existsSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './doctor-checks.js';
import { bytes } from './machine.js';
import { messageOf } from './usage-error.js';

/** Whether named shared memory can be made in the folder, and how much. */
export function checkDevShm(folder: string): Finding {
  const advice = 'named SharedMemory needs it; everything else works';
  if (!existsSync(folder)) return { status: 'warn', detail: 'missing', advice };
  try {
    rmdirSync(mkdtempSync(join(folder, 'multiproc-doctor-')));
  } catch (error) {
    return { status: 'warn', detail: `cannot be written: ${messageOf(error)}`, advice };
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const detail = `${bytes(free)} free`;
  return free < SMALL_SHM_BYTES
    ? { status: 'warn', detail, advice: 'named SharedMemory lives here: in a container use --shm-size' }
    : { status: 'ok', detail };
}

const SMALL_SHM_BYTES: number = 64 * 2 ** 20;
