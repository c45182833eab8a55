/**
 * What the tests of the spare child share: who it is, and what it is doing.
 *
 * Runs in test processes.
 */
import { readdirSync } from 'node:fs';
import { afterEach, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ForkServerProcess, setForkserverPreload } from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { familyOf } from '../support/family.js';
import { warmUpForkserver } from './forkserver-support.js';

export const SOON_MS = 30_000;

/** Brings up what lives as long as the test process, and has each test begin without faults and preloads of the one before. */
export function prepareSpareTests(): void {
  before(warmUpForkserver);
  afterEach(() => {
    delete process.env['MULTIPROC_FAULT'];
    setForkserverPreload([]);
  });
}

export async function child<R>(target: () => R): Promise<ForkServerProcess<[], R>> {
  const started = new ForkServerProcess<[], R>({ target, stdio: 'ignore' });
  return started.start();
}

export async function resultOf<R>(target: () => R): Promise<R> {
  return withDeadline((await child(target)).result(), SOON_MS, 'a result');
}

export const serverPid = (): Promise<number> => resultOf(() => process.ppid);

export function sparesOf(server: number): number[] {
  return familyOf().flatMap(({ pid, parentPid, name, state }) =>
    parentPid === server && name === 'mp-spare' && state !== 'Z' ? [pid] : [],
  );
}

/** Whether any of its threads lives: the first may be dead before the others, and nobody can know then that all of it will be. */
export const isThere = (pid: number): boolean =>
  familyOf().some((each) => each.pid === pid && (each.state !== 'Z' || threadsOf(pid) > 1));

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

export const stateOf = (pid: number): string | undefined => familyOf().find((each) => each.pid === pid)?.state;

export async function until(what: string, condition: () => boolean): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!condition()) await sleep(5);
  };
  await withDeadline(wait(), SOON_MS, what);
}

/** A spare that waits for its order, after which it would be a child; these have been given theirs, and may not have taken it. */
export async function waitingSpare(server: number, children: readonly ForkServerProcess[] = []): Promise<number> {
  const spares = (): number[] => sparesOf(server).filter((pid) => !children.some((each) => each.pid === pid));
  await until('a spare that waits', () => spares().some((pid) => stateOf(pid) === 'S'));
  return spares()[0] as number;
}

/** A server of its own for the test, to which this happens. */
export async function withFault(fault: string, body: () => Promise<void>): Promise<void> {
  process.env['MULTIPROC_FAULT'] = fault;
  setForkserverPreload(['node:zlib']);
  await body();
}

export async function stoppedSpare(server: number): Promise<number> {
  const spare = await waitingSpare(server);
  process.kill(spare, 'SIGSTOP');
  await until('the spare to be stopped', () => stateOf(spare) === 'T');
  return spare;
}
