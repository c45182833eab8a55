/**
 * What a fork server does: loads modules, looks whether it is fit to be forked, then serves, never to return; each of its
 * children goes on from there.
 *
 * Runs in fork servers, and at the end in their children.
 */
import { readdirSync, stat } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { binding } from '../../native/binding.js';
import type { Surroundings } from '../child-main.js';
import { setLoading } from '../identity.js';
import { attachArena } from '../../substrate/arena.js';
import { isFailure } from '../../substrate/failure.js';
import { isMember, self } from '../../substrate/self.js';
import { importFrom, keepModule } from '../../wire/loader-modules.js';
import { becomeChild, becomeProcess } from './forked-child.js';
import {
  ARENA_FD,
  CALLS_FD,
  type ChildOrder,
  type ForkProgram,
  type Greeting,
  PARENT_BELL_FD,
  REAPS_FD,
  type ServerTask,
} from './job.js';
import { guardOutput, releaseOutput } from './output.js';
import type { Preload, PreloadFailure } from './preload.js';
import { findStore, guardRandom, renewRandom, settleRandom } from './randomness.js';
import { type Beginning, rehearseLife } from './life-rehearsal.js';
import { rehearseImport } from './import-rehearsal.js';
import { runSelfTest } from './self-test.js';

/** Often enough for what V8 notes at the first calls only. */
const ROUNDS = 3;

/** What children run, beside the test. */
export type Programs = Readonly<Record<Exclude<ForkProgram, 'self-test'>, (surroundings: Surroundings) => void>>;

/** Lives a fork server's life. */
export async function runForkServer(programs: Programs, begin: Beginning): Promise<void> {
  guardOutput();
  const task = JSON.parse(process.argv.slice(2).join('')) as ServerTask;
  attachArena(ARENA_FD);
  if (task.forks) guardRandom();
  process.getBuiltinModule('node:crypto');
  if (task.forks) {
    rehearseLife(begin, ROUNDS);
    await rehearseImport(ROUNDS);
  }
  await startThreadPool();
  const unfitFromStart = unfitAtStart();
  const threads = threadCount();
  process.argv = [process.argv[0] as string, ...task.argv.slice(1)];
  const failures = await loadAll(task.preload);
  const mustFail = failures.length > 0 && task.preload.onError === 'fail';
  // An immediate: nothing of node's is under way then, and no promise is being settled.
  setImmediate(() => {
    const refusal = task.forks ? (unfitFromStart ?? unfit(threads)) : undefined;
    if (mustFail && !task.forks)
      throw new Error(`Cannot preload ${failures.map(({ module, message }) => `'${module}': ${message}`).join('; ')}`);
    const greeting: Greeting = { failures, ...(refusal !== undefined && { refusal }) };
    serve(task, greeting, programs, begin);
  });
}

function serve({ forks, preload }: ServerTask, greeting: Greeting, programs: Programs, begin: Beginning): void {
  const stores = forks && preload.modules.length > 0;
  if (stores) findStore();
  const native = binding();
  const pid = native.serveForks(CALLS_FD, REAPS_FD, PARENT_BELL_FD, JSON.stringify(greeting), forks);
  if (isFailure(pid)) return native.exitNow(1);
  releaseOutput();
  if (!forks) return obey(0, forks, programs);
  becomeProcess(pid);
  setFlagsFromString('--lazy'); // of what user code compiles not all runs
  const random = renewRandom({ stores });
  const ready = makeReady(begin);
  if (ready === undefined) obey(random, forks, programs);
  else void ready.then(() => obey(random, forks, programs));
}

/**
 * A child before anybody asks for it uses what it will use: those pages are its own then. What takes longer waits until it is
 * known that children are not started one upon the other. undefined: it is ready.
 */
function makeReady(begin: Beginning): Promise<void> | undefined {
  const native = binding();
  native.watchParentPidfd(-1, true); // nobody yet: the thread that watches is there then
  if (!native.orderComes(0)) rehearseLife(begin, 1);
  return native.orderComes(LULL_MS) ? undefined : makeReadyForMore();
}

async function makeReadyForMore(): Promise<void> {
  await rehearseImport(1);
  if (!binding().orderComes(0)) await settle();
}

/** What the event loop has to do after all that is done before the order comes, not after. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const LULL_MS = 20;
const SETTLING_TURNS = 3;

/** Waits until it is asked for. */
function obey(random: number, forks: boolean, programs: Programs): void {
  const native = binding();
  const asked = native.awaitOrder();
  if (isFailure(asked)) return native.exitNow(1); // the server is dead
  const order = JSON.parse(asked.request) as ChildOrder;
  if (forks) settleRandom(random, order.random);
  if (order.program === 'self-test') runSelfTest(random);
  else {
    programs[order.program](becomeChild(order, asked.fds, forks));
    self().doorbell.turn(); // what there is to read by now need not wait for the event loop
  }
}

async function loadAll({ modules, base }: Preload): Promise<PreloadFailure[]> {
  const failures: PreloadFailure[] = [];
  let loads = true;
  setLoading(() => loads); // a module that starts children when it is loaded would have a server of its own load it, and so on
  for (const module of modules) {
    try {
      const namespace = await importFrom(base, module);
      if (/^(?:file:|\.{0,2}\/)/.test(module)) keepModule(new URL(module, base).href, namespace);
    } catch (error) {
      failures.push({ module, message: error instanceof Error ? error.message : String(error) });
    }
  }
  loads = false;
  return failures;
}

/** libuv starts its threads with the first use of one: now, so that those of modules can be told from them. */
function startThreadPool(): Promise<void> {
  return new Promise((resolve) => stat('/', () => resolve()));
}

function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}

/** Why this process must not be forked whatever it loads: for what node was started with, as `--import` and `--require`. */
function unfitAtStart(): string | undefined {
  const strange = threadCount() - ownThreads();
  if (strange > 0)
    return `node was started with ${strange === 1 ? 'a thread' : `${strange} threads`} more: loader hooks, or a module's own`;
  // Node's stream for a terminal has a descriptor of its own, to which children would write whatever theirs is.
  if (process.listenerCount('SIGWINCH') > 0) return 'a module of --import or --require has used the terminal';
  return undefined;
}

/** Those of node, with the flags of a server that forks: the main one, V8's, the one of delayed tasks, and libuv's pool. */
function ownThreads(): number {
  const pool = Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? String(POOL_THREADS), 10) || 1;
  const ofSignals = process.execArgv.includes('--disable-sigusr1') ? 0 : 1;
  return 3 + ofSignals + Math.min(pool < 0 ? MOST_POOL_THREADS : pool, MOST_POOL_THREADS);
}

const POOL_THREADS = 4;
const MOST_POOL_THREADS = 1024;

/** Why this process must not be forked. */
function unfit(threads: number): string | undefined {
  if (isMember()) return 'a preloaded module made a shared object';
  const started = threadCount() - threads;
  if (started > 0) return `a preloaded module started ${started === 1 ? 'a thread' : `${started} threads`}`;
  const open = process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');
  if (open.length > 0) return `a preloaded module left something open: ${[...new Set(open)].join(', ')}`;
  return binding().giveUpPlatformThreads() ? undefined : `the platform of Node ${process.versions.node} is unknown`;
}
