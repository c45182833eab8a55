import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Event, ForkServerProcess, SpawnProcess } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';
import {
  child,
  isThere,
  prepareSpareTests,
  resultOf,
  serverPid,
  SOON_MS,
  sparesOf,
  stateOf,
  until,
  waitingSpare,
  withFault,
} from './spare-support.js';

prepareSpareTests();

/** The server's own test, and the spare that is left at the end. */
const FIRST_AND_LAST = 2;
const onFork = (number: number): string => `forkserver.fork:kill@${number}`;

/** Also where the test before had such a server: one without faults comes between. */
async function withServerOfItsOwn(fault: string, body: () => Promise<void>): Promise<void> {
  await serverPid();
  await withFault(fault, body);
}

/** A server is killed as it forks more often than it may: it is another one then. */
async function isStill(server: number): Promise<void> {
  assert.deepEqual(forkserverState(), { variant: 'fork' });
  assert.ok(isThere(server), 'the server has forked too often');
}

/** How often a process went to sleep. */
function sleepsOf(pid: number): string | undefined {
  return /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}

/** Some time passes, in which this machine is not idle. */
async function someTime(): Promise<void> {
  const other = new SpawnProcess({ target: () => process.pid, stdio: 'ignore' });
  await other.start();
  await withDeadline(other.join(), SOON_MS, 'the end of another process');
}

/** The server comes to sleep for good, and has these spares then. */
async function comesToRest(server: number, spares: readonly number[]): Promise<void> {
  const rest = async (): Promise<void> => {
    for (let before; before === undefined || sleepsOf(server) !== before; ) {
      before = sleepsOf(server);
      await someTime();
    }
  };
  await withDeadline(rest(), SOON_MS, 'the server to sleep');
  assert.deepEqual(sparesOf(server), spares);
}

test('Each child that is started when a spare waits is that spare, and no fork is for nothing', async () => {
  const starts = 25;
  await withServerOfItsOwn(onFork(FIRST_AND_LAST + 1 + starts + 1), async () => {
    const server = await serverPid();
    for (let i = 0; i < starts; i++) {
      const spare = await waitingSpare(server);
      const next = await child(() => process.ppid);
      assert.equal(next.pid, spare);
      assert.equal(await withDeadline(next.result(), SOON_MS, 'a result'), server);
    }
    await comesToRest(server, [await waitingSpare(server)]);
    await isStill(server);
  });
});

test('After each of several bursts there is one spare, and no fork was for nothing', async () => {
  const [bursts, size] = [3, 6];
  await withServerOfItsOwn(onFork(FIRST_AND_LAST + 1 + bursts * size + 1), async () => {
    const server = await serverPid();
    for (let i = 0; i < bursts; i++) {
      const go = new Event();
      const burst = Array.from({ length: size }, () => {
        const target = (start: Event): Promise<void> => start.wait();
        return new ForkServerProcess({ target, args: [go], stdio: 'ignore' });
      });
      await Promise.all(burst.map((each) => each.start()));
      const spare = await waitingSpare(server, burst);
      go.set();
      for (const each of burst) await withDeadline(each.join(), SOON_MS, 'an end');
      await comesToRest(server, [spare]);
    }
    await isStill(server);
  });
});

test('A spare that dies is not replaced before the next start, however often', async () => {
  const deaths = 8;
  // Each costs two: it, and the child that finds no spare.
  await withServerOfItsOwn(onFork(FIRST_AND_LAST + 1 + 2 * deaths + 1), async () => {
    const server = await serverPid();
    for (let i = 0; i < deaths; i++) {
      const spare = await waitingSpare(server);
      process.kill(spare, 'SIGKILL');
      await until('that the server has reaped it', () => stateOf(spare) === undefined);
      if (i === 0) await comesToRest(server, []);
      assert.deepEqual(sparesOf(server), []);
      assert.equal(await serverPid(), server);
    }
    await waitingSpare(server);
    await isStill(server);
  });
});

test('Where every spare dies at once, children start all the same, and the server forks one spare for each and sleeps', async () => {
  const starts = 4;
  // The server rehearses three times itself; children for which somebody waits do not.
  const faults = ['rehearsal.begun:kill@4', onFork(2 * (starts + 1) + 1)];
  await withServerOfItsOwn(faults.join(), async () => {
    const server = await serverPid();
    for (let i = 1; i < starts; i++) {
      await comesToRest(server, []); // a spare that is given an order before it dies is a child that was killed
      assert.equal(await resultOf(() => process.ppid), server);
    }
    await comesToRest(server, []);
    await isStill(server);
  });
});
