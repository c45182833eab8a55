import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ForkServerProcess, setForkserverPreload } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';
import { familyOf } from '../support/family.js';
import { cleanForked } from './forkserver-support.js';
import {
  child,
  isThere,
  prepareSpareTests,
  resultOf,
  serverPid,
  SOON_MS,
  sparesOf,
  stateOf,
  stoppedSpare,
  until,
  waitingSpare,
  withFault,
} from './spare-support.js';

prepareSpareTests();

const LARGE = 'ä'.repeat(1_000_000);
const fixture = (name: string): string => new URL(`../../test/fixtures/forkserver/${name}`, import.meta.url).href;

/** A child whose order is larger than any buffer on its way. */
function largeChild(): ForkServerProcess<[], unknown> {
  return new ForkServerProcess<[], unknown>({
    target: () => [process.env['LARGE'], process.cwd()],
    env: { ...process.env, LARGE },
    cwd: realpathSync(tmpdir()),
    stdio: 'ignore',
  });
}

test(
  'A stopped child that has not taken its large order holds up nobody but itself',
  cleanForked(async () => {
    const server = await serverPid();
    const spare = await stoppedSpare(server);
    const large = largeChild();
    await large.start();
    assert.equal(large.pid, spare);
    assert.equal(await serverPid(), server);
    assert.equal(stateOf(spare), 'T');
    process.kill(spare, 'SIGCONT');
    assert.deepEqual(await withDeadline(large.result(), SOON_MS, 'the result'), [LARGE, realpathSync(tmpdir())]);
    assert.deepEqual(forkserverState(), { variant: 'fork' });
  }),
);

test(
  'A child with a folder of a very long name is refused with the reason, and the server goes on',
  cleanForked(async () => {
    const server = await serverPid();
    const lost = new ForkServerProcess({ target: () => 0, cwd: `/${'long/'.repeat(2000)}`, stdio: 'ignore' });
    await assert.rejects(async () => lost.start(), { code: 'ENAMETOOLONG' });
    assert.equal(await serverPid(), server);
  }),
);

test('A fork server killed before it passed a large order on has a child that dies without having run', async () => {
  await withFault('forkserver.beforeOrder:kill@2', async () => {
    const lost = largeChild();
    await lost.start();
    await withDeadline(
      lost.join().catch(() => {}),
      SOON_MS,
      'the death',
    );
    assert.equal(lost.exitCode === 0, false);
  });
});

test('Rehearsals that fail, in the server and in its children, harm neither', async () => {
  setForkserverPreload([fixture('breaks-rehearsals.mjs')], { onError: 'fail' });
  const server = await serverPid();
  let refused = 0;
  const rehearse = async (): Promise<void> => {
    while (refused === 0) {
      await waitingSpare(server);
      await sleep(50); // a spare rehearses imports when it has waited for some time
      refused = await resultOf(() => (globalThis as unknown as { refused: number }).refused);
    }
  };
  await withDeadline(rehearse(), SOON_MS, 'a rehearsal in a child that failed');
  assert.equal(await serverPid(), server);
  assert.deepEqual(forkserverState(), { variant: 'fork' });
});

test('A spare killed in its rehearsal is missed by nobody: the next child is another one, of the same server', async () => {
  const stopped = (): number[] =>
    familyOf().flatMap(({ pid, name, state }) => (name === 'mp-spare' && state === 'T' ? [pid] : []));
  // Where a spare stops that is the next child, it goes on with its rehearsal.
  const nextServer = async (): Promise<number> => {
    const next = await child(() => process.ppid);
    const timer = setInterval(() => stopped().includes(next.pid as number) && process.kill(next.pid as number, 'SIGCONT'), 20);
    try {
      return await withDeadline(next.result(), SOON_MS, 'a result');
    } finally {
      clearInterval(timer);
    }
  };
  // The server passes by three times itself, and what it forks goes on counting: each spare stops in its own rehearsal.
  await withFault('rehearsal.begun:stop@4', async () => {
    const server = await nextServer();
    for (let round = 0; round < 3; round++) {
      await until('a spare in its rehearsal', () => stopped().length > 0);
      for (const spare of stopped()) {
        process.kill(spare, 'SIGKILL');
        await until('its death', () => !isThere(spare));
      }
      assert.equal(await nextServer(), server);
    }
    assert.deepEqual(forkserverState(), { variant: 'fork' });
  });
});

test('A child has nothing of its rehearsal: no listener, descriptor, argument or name', async () => {
  const shown = (): unknown => {
    const { readdirSync } = process.getBuiltinModule('node:fs');
    const listeners = ['exit', 'beforeExit', 'uncaughtExceptionMonitor', 'warning'].map((name) => process.listenerCount(name));
    return { listeners, fds: readdirSync('/proc/self/fd').length, argv: process.argv };
  };
  const server = await serverPid();
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    await waitingSpare(server);
    const waited = await child(shown);
    const hurried = await child(shown); // it may find no spare, and then has not rehearsed
    for (const each of [waited, hurried]) seen.push(await withDeadline(each.result(), SOON_MS, 'what it has'));
  }
  for (const each of seen) assert.deepEqual(each, seen[0]);
  assert.deepEqual((seen[0] as { argv: unknown }).argv, process.argv);
});

test('A timer that a preloaded module left to itself draws other random numbers in each child, before and after its order', async () => {
  type Draws = Array<[pid: number, number: number]>;
  setForkserverPreload([fixture('draws-by-a-timer.mjs')], { onError: 'fail' });
  const seen = new Map<number, number>();
  let early = 0;
  for (let i = 0; i < 6 || (early === 0 && i < 100); i++) {
    await waitingSpare(await serverPid());
    await sleep(i); // a spare has turns of its event loop when it has waited for some time
    const [pid, before, draws] = await resultOf(async () => {
      const drawn = (globalThis as { drawn?: Draws }).drawn as Draws;
      const already = drawn.length;
      while (drawn.length < already + 10) await new Promise((resolve) => setTimeout(resolve, 2));
      return [process.pid, already, drawn] as const;
    });
    const own = draws.filter(([drawer], index) => drawer === pid && index < before).length;
    early += own;
    for (const [drawer, number] of draws) {
      assert.equal(seen.get(number) ?? drawer, drawer, `${number} was drawn twice`);
      seen.set(number, drawer);
    }
  }
  assert.ok(early > 0, 'no timer ran in a spare');
  assert.deepEqual(forkserverState(), { variant: 'fork' });
});

test('A spare that could not be promised to the parent is neither forgotten nor doubled: it is the next child', async () => {
  await withFault('forkserver.beforeOrder:delay=500@2,forkserver.beforePidfd:errno=EMFILE@3', async () => {
    const first = await child(() => process.ppid);
    const second = new ForkServerProcess({ target: () => 0, stdio: 'ignore' });
    // Asked for while the server has no spare yet, so it forks one for this request.
    await assert.rejects(async () => second.start(), { message: /EMFILE from pidfd_open/ });
    const server = await withDeadline(first.result(), SOON_MS, 'the first result');
    const spare = await waitingSpare(server);
    const third = await child(() => process.pid);
    assert.equal(third.pid, spare);
    assert.equal(await withDeadline(third.result(), SOON_MS, 'the third result'), spare);
    await until('the next spare', () => sparesOf(server).length > 0);
    assert.equal(sparesOf(server).length, 1);
  });
});

test('A fork server whose parent dies before it hears of its child kills that one once, before it has reaped it', async () => {
  const program = fileURLToPath(new URL('../../test/fixtures/forkserver/lives-long.mjs', import.meta.url));
  // In the second the server would stay for longer than the test waits.
  const MULTIPROC_FAULT = 'forkserver.beforeAnswer:delay=3000@2,forkserver.killsNobody:delay=100000';
  const main = spawn(process.execPath, [program], { stdio: 'ignore', env: { ...process.env, MULTIPROC_FAULT } });
  const spare = () => familyOf(main.pid).find(({ name }) => name === 'mp-spare');
  await until('the server to wait before its answer', () => isDelayed(spare()?.parentPid));
  const { pid, parentPid: server } = spare() ?? { pid: 0, parentPid: 0 };
  process.kill(main.pid as number, 'SIGKILL');
  try {
    await until('the end of all', () => !isThere(server) && !isThere(pid));
  } finally {
    if (isThere(server)) process.kill(server, 'SIGKILL');
  }
});

/** While a spare waits, a server sleeps nowhere but at a point of the test's. */
function isDelayed(server: number | undefined): boolean {
  if (server === undefined) return false;
  try {
    return /^(?:35|230) /.test(readFileSync(`/proc/${server}/syscall`, 'utf8')); // nanosleep, clock_nanosleep
  } catch {
    return false; // it is gone
  }
}
