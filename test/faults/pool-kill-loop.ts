/**
 * Kills random workers of a pool under load and keeps accounts: every call that was made is resolved, with the right
 * values and each item having run once, or rejected for a reason that a kill can be. Nothing hangs, nothing is left.
 *
 * Runs as a program: `node dist-test/faults/pool-kill-loop.js --kills 2000 --seed 7`. The seed is printed and
 * replays the same choices (their timing is the machine's).
 */
import { parseArgs } from 'node:util';
import { BrokenProcessPoolError, CancelledError, Pool, ProcessDiedError } from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { seededChoice } from '../support/seeded-random.js';
import { SETTLES_WITHIN_MS, TaskLog } from './task-log.js';

type Item = readonly [file: string, id: number];
interface Tasks {
  double(item: Item): number;
  doubleLater(item: Item): Promise<number>;
  doubled(file: string, id: number): number;
}
const tasks = (await import(new URL('../../test/fixtures/futures/kill-loop-tasks.mjs', import.meta.url).href)) as Tasks;

const { values: options } = parseArgs({
  options: { kills: { type: 'string', default: '2000' }, seed: { type: 'string' }, workers: { type: 'string', default: '3' } },
});
const KILLS = Number(options.kills);
const SEED = Number(options.seed ?? Date.now() % 2 ** 31);
const PROCESSES = Number(options.workers);
const PENDING = 30;
const MAX_ITEMS = 12;

const counts = { calls: 0, items: 0, resolved: 0, rejected: 0, pools: 0 };
const below = seededChoice(SEED);
const log = new TaskLog(below);
const { complaints, resolved } = log;

console.log(`kill loop of pools: ${KILLS} kills, seed ${SEED}, ${PROCESSES} workers, Node ${process.version}`);
await log.account(killPools, counts, SEED);

async function killPools(): Promise<void> {
  while (log.kills < KILLS && complaints.length === 0) await onePool();
  if (counts.resolved + counts.rejected !== counts.calls)
    complaints.push(`${counts.calls} calls, ${counts.resolved + counts.rejected} settled`);
}

/** Loads and kills one pool until it is broken or has had its share. */
async function onePool(): Promise<void> {
  counts.pools++;
  const pool = new Pool({
    processes: PROCESSES,
    onWorkerDeath: below(4) === 0 ? 'break' : 'replace',
    ...(below(3) === 0 && { maxTasksPerChild: 1 + below(50) }),
  });
  const share = Math.min(KILLS, log.kills + 20 + below(60));
  const pending = await log.loadAndKill(() => makeCall(pool), PENDING, share);
  if (below(3) === 0) await withDeadline(pool.terminate(), SETTLES_WITHIN_MS, 'terminate()');
  await withDeadline(Promise.all(pending), SETTLES_WITHIN_MS, `${pending.size} pending calls (seed ${SEED})`);
  pool.close();
  await withDeadline(pool.join(), SETTLES_WITHIN_MS, 'join()');
}

/** Resolves when the call has settled and is booked; undefined: the pool takes none. */
function makeCall(pool: Pool): Promise<void> | undefined {
  const first = counts.items;
  const items: Item[] = Array.from({ length: 1 + below(MAX_ITEMS) }, (_, i) => [log.path, first + i]);
  let values: Promise<number[]>;
  try {
    values = callOf(pool, items);
  } catch (error) {
    if (!(error instanceof BrokenProcessPoolError)) complaints.push(`call: ${String(error)}`);
    return undefined;
  }
  counts.calls++;
  counts.items += items.length;
  return values.then(
    (results) => {
      counts.resolved++;
      const wanted = items.map(([, id]) => id * 2);
      if (JSON.stringify(results) !== JSON.stringify(wanted))
        complaints.push(`items ${first} …: wrong values ${String(results)}`);
      for (const [, id] of items) resolved.add(id);
    },
    (error: unknown) => {
      counts.rejected++;
      if (!isOfAKill(error)) complaints.push(`items ${first} …: ${String(error)}, cause ${String((error as Error).cause)}`);
    },
  );
}

function callOf(pool: Pool, items: readonly Item[]): Promise<number[]> {
  switch (below(5)) {
    case 0:
      return Promise.all(items.map((each) => pool.applyAsync(tasks.doubled, [...each]).get()));
    case 1:
      return pool.map(tasks.double, items, { chunkSize: 1 + below(6) });
    case 2:
      return pool.starmap(
        tasks.doubled,
        items.map(([file, id]) => [file, id] as [string, number]),
      );
    case 3:
      return below(2) === 0
        ? all(pool.imap(tasks.double, items, { chunkSize: 1 + below(4) }), false)
        : all(pool.imap(tasks.doubleLater, items, { chunkSize: 1 + below(4) }), false);
    default:
      return all(pool.imapUnordered(tasks.double, items), true);
  }
}

/** All results, or the first error when the end has come all the same: an item's error does not end an iteration. */
async function all(results: AsyncIterableIterator<number>, unordered: boolean): Promise<number[]> {
  const given: number[] = [];
  let failed: { readonly error: unknown } | undefined;
  for (;;) {
    try {
      const next = await results.next();
      if (next.done === true) break;
      given.push(next.value);
    } catch (error) {
      failed ??= { error };
    }
  }
  if (failed !== undefined) throw failed.error;
  return unordered ? given.sort((a, b) => a - b) : given;
}

function isOfAKill(error: unknown): boolean {
  if (error instanceof ProcessDiedError || error instanceof CancelledError) return true;
  return error instanceof BrokenProcessPoolError && error.cause instanceof ProcessDiedError;
}
