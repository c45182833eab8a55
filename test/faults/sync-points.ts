/**
 * The steps of the slow paths of the synchronisation objects at which a test kills, and how those that live wait meanwhile.
 *
 * Runs in the test process; the functions that wait run in processes that it starts. These sleep without looking again every
 * 100 ms: who is stranded shows.
 */
import { Event, type Process, ProcessDiedError, Semaphore } from 'multiproc';
import assert from 'node:assert/strict';
import { begin, isIdle, sleepsInFutex, until } from '../fixtures/substrate/starting.js';
import { type CensusOptions, leavesNothing } from '../support/census.js';
import { familyOf } from '../support/family.js';
import { withDeadline } from '../support/deadline.js';

/** Where the points are; `sync-points.test.ts` sees to it that none is missing and each is killed at. */
export const POINTS = {
  'native/guardian.c': [
    'lock.beforeCas',
    'lock.afterCas',
    'lock.beforeSleep',
    'waiter.afterWake',
    'lock.beforeRelease',
    'lock.afterRelease',
  ],
  'src/substrate/lock-word.ts': ['lock.afterMark'],
  'src/substrate/loop-cells.ts': ['point.beforeRing'],
  'src/substrate/wait-point.ts': ['waiter.beforeSleep', 'waiter.afterWake', 'point.afterCell', 'point.beforeWake'],
  'src/sync/owned-permits.ts': ['semaphore.betweenGives'],
  'src/sync/condition.ts': ['condition.afterSequence', 'condition.afterServed', 'condition.afterNotify'],
  'src/sync/barrier.ts': [
    'barrier.beforeArrival',
    'barrier.beforeLast',
    'barrier.beforeWake',
    'barrier.beforeReset',
    'barrier.afterBreak',
    'barrier.beforeLeft',
  ],
} as const;

/** The name of a point. */
export type Point = (typeof POINTS)[keyof typeof POINTS][number];

const DEADLINE_MS = 30_000;

/** The living look only when they are woken. */
export const NO_SLICES = 'none:kill';

/** A process of these tests. */
export interface Member {
  readonly pid: number | undefined;
  result(): Promise<unknown>;
  join(): Promise<void>;
}

/** Runs the test build of the addon, and is killed at a point. */
export const victimOf = <A extends unknown[], R>(
  point: Point,
  target: (...args: A) => R,
  args: NoInfer<A>,
): Promise<Process<A, R>> => begin(target, args, `${point}:kill`);

/** Ends when the process was killed. */
export const killed = (victim: Member): Promise<void> =>
  withDeadline(assert.rejects(victim.join(), ProcessDiedError), DEADLINE_MS, 'the victim is killed');

/** The results of processes that live; afterwards they have ended. */
export async function resultsOf(living: readonly Member[]): Promise<unknown[]> {
  const results = await withDeadline(Promise.all(living.map((each) => each.result())), DEADLINE_MS, 'the living go on');
  await Promise.all(living.map((each) => each.join()));
  return results;
}

/** Starts a process that waits in its event loop, and says so with the semaphore; ends when it has nothing else to do. */
export async function looping<A extends unknown[], R>(
  wait: (isWaiting: Semaphore, ...args: A) => R,
  args: NoInfer<A>,
  fault: string = NO_SLICES,
): Promise<Member> {
  const process = await waiting(wait, args, fault);
  // A turn of its event loop would see what it waits for before it is rung for it.
  await until(() => isIdle(process.pid as number), 'its event loop is idle');
  return process;
}

/** Starts a process that says with the semaphore that it is about to block, and blocks; ends when it does. */
export async function blocked<A extends unknown[], R>(
  wait: (isWaiting: Semaphore, ...args: A) => R,
  args: NoInfer<A>,
  fault: string = NO_SLICES,
): Promise<Member> {
  const process = await waiting(wait, args, fault);
  await until(() => sleepsInFutex(process.pid as number), 'it sleeps');
  return process;
}

async function waiting<A extends unknown[], R>(
  wait: (isWaiting: Semaphore, ...args: A) => R,
  args: NoInfer<A>,
  fault: string,
): Promise<Member> {
  const isWaiting = new Semaphore(0);
  const process = await begin(wait, [isWaiting, ...args], fault);
  await withDeadline(isWaiting.acquire(), DEADLINE_MS, 'it is about to wait');
  return process;
}

/**
 * Kills at a point while `members` are stopped if that is the ringing of event loops: each of them may have a turn at any moment,
 * and who has seen what it waits for is not rung.
 */
export async function killedAt(point: Point, kill: () => Promise<Member>, members: readonly Member[]): Promise<void> {
  const stopped = point === 'point.beforeRing' ? members : [];
  for (const { pid } of stopped) process.kill(pid as number, 'SIGSTOP');
  await until(() => stopped.every(({ pid }) => isStopped(pid)), 'they are stopped');
  await killed(await kill());
  for (const { pid } of stopped) process.kill(pid as number, 'SIGCONT');
}

const isStopped = (pid: number | undefined): boolean => familyOf().some((member) => member.pid === pid && member.state === 'T');

/** A test that leaves nothing. */
export const clean = (body: () => Promise<void>, options: CensusOptions = {}) => leavesNothing(body, { warmUp, ...options });

async function warmUp(): Promise<void> {
  const event = new Event();
  await (await begin(() => event.set(), [])).join();
}
