/**
 * Kills random workers under load and keeps accounts: every task that was submitted is resolved, with the right
 * value and having run once, or rejected for a reason that a kill can be. Nothing hangs, nothing is left.
 *
 * Runs as a program: `node dist-test/faults/executor-kill-loop.js --kills 2000 --seed 7`. The seed is printed and
 * replays the same choices (their timing is the machine's).
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { BrokenProcessPoolError, CancelledError, type Future, ProcessDiedError, ProcessPoolExecutor } from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { seededChoice } from '../support/seeded-random.js';
import { SETTLES_WITHIN_MS, TaskLog } from './task-log.js';

interface Tasks {
  quick(file: string, id: number): number;
  slow(file: string, id: number, ms: number): Promise<number>;
  spin(file: string, id: number, ms: number): number;
  large(file: string, id: number, size: number): Uint8Array;
  digest(file: string, id: number, bytes: Uint8Array): string;
}
const tasks = (await import(new URL('../../test/fixtures/futures/kill-loop-tasks.mjs', import.meta.url).href)) as Tasks;

const { values: options } = parseArgs({
  options: { kills: { type: 'string', default: '2000' }, seed: { type: 'string' }, workers: { type: 'string', default: '3' } },
});
const KILLS = Number(options.kills);
const SEED = Number(options.seed ?? Date.now() % 2 ** 31);
const MAX_WORKERS = Number(options.workers);
const PENDING = 150;

const counts = { submitted: 0, resolved: 0, died: 0, broken: 0, cancelled: 0, executors: 0 };
const below = seededChoice(SEED);
const log = new TaskLog(below);
const { complaints, resolved, path } = log;

console.log(`kill loop: ${KILLS} kills, seed ${SEED}, ${MAX_WORKERS} workers, Node ${process.version}`);
await log.account(killExecutors, counts, SEED);

async function killExecutors(): Promise<void> {
  while (log.kills < KILLS && complaints.length === 0) await oneExecutor();
  const settled = counts.resolved + counts.died + counts.broken + counts.cancelled;
  if (settled !== counts.submitted) complaints.push(`${counts.submitted} submitted, ${settled} settled`);
}

/** Loads and kills one executor until it is broken or has had its share. */
async function oneExecutor(): Promise<void> {
  counts.executors++;
  const executor = new ProcessPoolExecutor({
    maxWorkers: MAX_WORKERS,
    onWorkerDeath: below(4) === 0 ? 'break' : 'replace',
    ...(below(3) === 0 && { maxTasksPerChild: 1 + below(50) }),
  });
  const share = Math.min(KILLS, log.kills + 20 + below(60));
  const pending = await log.loadAndKill(() => submitOne(executor), PENDING, share);
  await withDeadline(Promise.all(pending), SETTLES_WITHIN_MS, `${pending.size} pending futures (seed ${SEED})`);
  await withDeadline(below(2) === 0 ? executor.shutdown() : executor.killWorkers(), SETTLES_WITHIN_MS, 'shutdown');
}

/** Resolves when the future has settled and is booked; undefined: the executor takes none. */
function submitOne(executor: ProcessPoolExecutor): Promise<void> | undefined {
  const id = counts.submitted;
  let future: Future<unknown>;
  let right: (value: unknown) => boolean = (value) => value === id * 2;
  try {
    const kind = below(20);
    const sized = 1 + below(kind === 19 ? 2_000_000 : 400_000);
    if (kind < 10) future = executor.submit(tasks.quick, path, id);
    else if (kind < 13) future = executor.submit(tasks.slow, path, id, below(20));
    else if (kind < 16) future = executor.submit(tasks.spin, path, id, below(6));
    else if (kind === 16) {
      const bytes = pattern(id, sized);
      const expected = createHash('sha256').update(bytes).digest('hex');
      future = executor.submit(tasks.digest, path, id, bytes);
      right = (value) => value === expected;
    } else {
      future = executor.submit(tasks.large, path, id, sized);
      right = (value) => Buffer.compare(value as Uint8Array, pattern(id, sized)) === 0;
    }
  } catch (error) {
    if (!(error instanceof BrokenProcessPoolError)) complaints.push(`submit: ${String(error)}`);
    return undefined;
  }
  counts.submitted++;
  if (below(30) === 0) setImmediate(() => future.cancel());
  return future.then(
    (value) => {
      counts.resolved++;
      resolved.add(id);
      if (!right(value)) complaints.push(`task ${id}: wrong value`);
    },
    (error: unknown) => {
      if (error instanceof ProcessDiedError) counts.died++;
      else if (error instanceof BrokenProcessPoolError && error.cause instanceof ProcessDiedError) counts.broken++;
      else if (error instanceof CancelledError && future.cancelled()) counts.cancelled++;
      else complaints.push(`task ${id}: ${String(error)}, cause ${String((error as Error).cause)}`);
    },
  );
}

function pattern(id: number, size: number): Uint8Array {
  return Buffer.alloc(size, createHash('sha256').update(String(id)).digest());
}
