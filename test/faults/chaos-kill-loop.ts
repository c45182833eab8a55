/**
 * Workers, their children and whatever serves them are killed, or stopped for a while, at random, under tasks that use
 * everything the family shares: every future settles, for a reason that a kill can be, and all that is shared is usable after it.
 *
 * Runs as a program: `node dist-test/faults/chaos-kill-loop.js --ms 60000 --seed 7 --context forkserver`. The seed is printed
 * and replays the same choices (their timing is the machine's).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  BrokenExecutorError,
  CancelledError,
  type Future,
  getContext,
  ProcessDiedError,
  ProcessPoolExecutor,
  type StartMethod,
  ThreadPoolExecutor,
  TimeoutError,
} from 'multiproc';
import { withDeadline } from '../support/deadline.js';
import { familyOf, markFamily, withoutSpares } from '../support/family.js';
import { seededChoice } from '../support/seeded-random.js';
import { complaintOf, isItsOwn, makeShared, PERMITS, runTask, TASK_NAMES, type TaskName, withLock } from './chaos-tasks.js';

type Executor = ProcessPoolExecutor | ThreadPoolExecutor;

const { values: options } = parseArgs({
  options: { seed: { type: 'string' }, ms: { type: 'string', default: '60000' }, context: { type: 'string', default: 'spawn' } },
});
const SEED = Number(options.seed ?? Date.now() % 2 ** 31);
const MS = Number(options.ms);
const PENDING = 20;
const KILL_EVERY_MS = 60;
const STOPPED_MS = 50;
/** A call that takes longer hangs. */
const SETTLES_WITHIN_MS = 60_000;

markFamily();
const below = seededChoice(SEED);
const context = getContext(options.context as StartMethod);
const shared = makeShared();
const counts = { submitted: 0, resolved: 0, own: 0, died: 0, broken: 0, cancelled: 0, late: 0, kills: 0, stops: 0, executors: 0 };
const complaints: string[] = [];
const pending = new Map<number, { readonly name: TaskName; readonly settled: Promise<void> }>();
/** Increments whose task has said that it is done. */
let counted = 0;
let going = true;
let processes: Executor = openProcesses();
let threads: Executor = openThreads();

console.log(`chaos: ${MS} ms, seed ${SEED}, ${options.context}, Node ${process.version}`);
try {
  const killing = killOthers();
  await load();
  going = false;
  await killing;
  await withDeadline(
    Promise.all([...pending.values()].map(({ settled }) => settled)),
    SETTLES_WITHIN_MS,
    `${stillPending()} settle`,
  );
  await withDeadline(Promise.all([processes.shutdown(), threads.shutdown()]), SETTLES_WITHIN_MS, 'shutdown');
  await withDeadline(nobodyLeft(), SETTLES_WITHIN_MS, 'the end of all children');
  await withDeadline(checkShared(), SETTLES_WITHIN_MS, 'what is shared');
} catch (error) {
  complaints.push(`${String(error)}; pending: ${stillPending()}`);
}
console.log(JSON.stringify(counts));
for (const complaint of complaints.slice(0, 20)) console.error(`COMPLAINT ${complaint}`);
console.log(complaints.length === 0 ? 'every call is accounted for' : `seed ${SEED} fails`);
process.exitCode = complaints.length === 0 ? 0 : 1; // nothing may keep it from ending by itself

function openProcesses(): Executor {
  counts.executors++;
  return new ProcessPoolExecutor({ maxWorkers: 3, onWorkerDeath: 'replace', context });
}

function openThreads(): Executor {
  counts.executors++;
  return new ThreadPoolExecutor({ maxWorkers: 2, onWorkerDeath: 'replace' });
}

function stillPending(): string {
  return [...pending].map(([id, { name }]) => `${name} ${id}`).join(', ');
}

/** Submits until time is up. */
async function load(): Promise<void> {
  const end = performance.now() + MS;
  while (performance.now() < end && complaints.length === 0) {
    submitOne();
    const settles = Promise.race([...pending.values()].map(({ settled }) => settled));
    if (pending.size > PENDING) await withDeadline(settles, SETTLES_WITHIN_MS, `${stillPending()}: one of them settles`);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

function submitOne(): void {
  const id = counts.submitted++;
  const name = TASK_NAMES[below(TASK_NAMES.length)] as TaskName;
  const inThread = below(4) === 0;
  const taskOptions = {
    ...(below(4) === 0 && { retries: 2 }),
    ...(below(4) === 0 && { priority: below(10) - 5 }),
    ...(below(6) === 0 && { taskTimeout: 20 + below(200) }),
    ...(below(6) === 0 && { signal: AbortSignal.timeout(below(200)) }),
  };
  const isCancelled = below(20) === 0;
  let future: Future<unknown>;
  try {
    future = (inThread ? threads : processes).options(taskOptions).submit(runTask, name, shared, id);
  } catch (error) {
    counts.submitted--;
    replaceBroken(inThread, error);
    return;
  }
  if (isCancelled) future.cancel();
  const settled = book(name, id, future).finally(() => pending.delete(id));
  pending.set(id, { name, settled });
}

/** Too many deaths in a short time break an executor. */
function replaceBroken(inThread: boolean, error: unknown): void {
  if (!(error instanceof BrokenExecutorError)) throw error;
  const broken = inThread ? threads : processes;
  if (inThread) threads = openThreads();
  else processes = openProcesses();
  broken.shutdown().catch((reason: unknown) => complaints.push(`shutdown: ${String(reason)}`));
}

async function book(name: TaskName, id: number, future: Future<unknown>): Promise<void> {
  try {
    const result = await future;
    counts.resolved++;
    if (name === 'count') counted++;
    const complaint = await complaintOf(name, id, result);
    if (complaint !== undefined) complaints.push(`${name} ${id}: ${complaint}`);
  } catch (error) {
    if (isItsOwn(name, error)) counts.own++;
    else if (error instanceof ProcessDiedError) counts.died++;
    else if (error instanceof BrokenExecutorError) counts.broken++;
    else if (error instanceof CancelledError) counts.cancelled++;
    else if (error instanceof TimeoutError) counts.late++;
    else complaints.push(`${name} ${id}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

/** Nobody is left stopped. */
async function killOthers(): Promise<void> {
  const stopped = new Set<Promise<void>>();
  for (; going; await sleep(KILL_EVERY_MS)) {
    const victims = familyOf();
    const pid = victims[below(victims.length)]?.pid;
    const isStopped = below(4) === 0;
    if (pid === undefined) continue;
    if (isStopped) {
      signal(pid, 'SIGSTOP');
      stopped.add(sleep(STOPPED_MS).then(() => signal(pid, 'SIGCONT')));
      counts.stops++;
    } else {
      signal(pid, 'SIGKILL');
      counts.kills++;
    }
  }
  await Promise.all(stopped);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // dead already
  }
}

/** Resolves when there is none but the server of children that are copies. */
async function nobodyLeft(): Promise<void> {
  const servers = options.context === 'forkserver' ? 1 : 0;
  while (withoutSpares(familyOf()).length > servers) await sleep(20);
}

/** Locks are free, permits are back, nothing that was counted is lost, the queue takes and gives. */
async function checkShared(): Promise<void> {
  const { lock, condition, nested, permits, guarded, parcels, jobs } = shared;
  await withLock(lock, () => undefined);
  await withLock(condition, () => undefined);
  nested.runSync(() => undefined);
  while (permits.getValue() < PERMITS) await sleep(1);
  if (guarded.value < counted) complaints.push(`${counted} increments, ${guarded.value} of them left`);
  while (parcels.tryGet() !== null);
  while (jobs.tryGet() !== null);
  const parcel = { id: 1, bytes: new Uint8Array(1) };
  for (let each = 0; each < 100; each++) {
    await parcels.put(parcel);
    if ((await parcels.get()).id !== parcel.id) complaints.push('the queue gives what was not put');
  }
}
