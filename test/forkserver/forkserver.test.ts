import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { currentProcess, ForkServerProcess, getContext, parentProcess, type Process } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';
import { cleanForked } from './forkserver-support.js';

async function resultOf<R>(child: Process<never[], R>): Promise<R> {
  await child.start();
  return withDeadline(child.result(), 30_000, 'result of a forked child');
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

test(
  'On this machine the fork server truly forks: children are its own, not of the program  [S-06]',
  cleanForked(async () => {
    assert.deepEqual(forkserverState(), { variant: 'fork' });
    const child = new ForkServerProcess({ target: () => process.ppid, stdio: 'ignore' });
    const server = await resultOf(child);
    assert.notEqual(server, process.pid);
    assert.equal(parentOf(server), process.pid);
  }),
);

test(
  'A child of the fork server knows its own pid, its parent and its name',
  cleanForked(async () => {
    const context = getContext('forkserver');
    const child = new context.Process({
      name: 'Child',
      target: () => {
        const parent = parentProcess();
        return [process.pid, Number(readlinkSync('/proc/self')), currentProcess().name, parent?.pid, parent?.isAlive()];
      },
      stdio: 'ignore',
    });
    const [pid, real, name, parentPid, alive] = await resultOf(child as Process<never[], unknown[]>);
    assert.deepEqual([pid, real, name, parentPid, alive], [child.pid, child.pid, 'Child', process.pid, true]);
  }),
);

for (const [title, target, expected] of [
  ['a return', () => {}, 0],
  ['process.exit(3)', () => process.exit(3), 3],
  ['an error', () => Promise.reject(new Error('wanted')), 1],
  ['its own SIGKILL', () => process.kill(process.pid, 'SIGKILL'), -9],
  ['an abort', () => process.abort(), -6],
] as const) {
  test(
    `The exit code of a child of the fork server after ${title} is ${expected}`,
    cleanForked(async () => {
      const child = new ForkServerProcess({ target: target as () => unknown, stdio: 'ignore' });
      await child.start();
      await withDeadline(
        child.join().catch(() => {}),
        30_000,
        'end of a forked child',
      );
      assert.equal(child.exitCode, expected);
    }),
  );
}
