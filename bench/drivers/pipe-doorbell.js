/** The yard-stick for round trips: two processes in C that wake each other through pipes and epoll, with nothing to say. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NotMeasured } from '../harness/driver-kit.js';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('pipe-doorbell.c', import.meta.url));

/** @param {{ roundTrips: number, warmup: number }} params @returns {Promise<number>} microseconds per round trip */
export async function pingPong({ roundTrips, warmup }) {
  const folder = await mkdtemp(join(tmpdir(), 'pipe-doorbell-'));
  const program = join(folder, 'pipe-doorbell');
  try {
    await run('cc', ['-O2', '-D_GNU_SOURCE', '-o', program, SOURCE]).catch((error) => {
      throw new NotMeasured(`no C compiler: ${error.message.split('\n')[0]}`);
    });
    const { stdout } = await run(program, [String(warmup), String(roundTrips)]);
    return Number(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}
