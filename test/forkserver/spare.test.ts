import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { realpathSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { activeChildren, Event, ForkServerProcess, ProcessDiedError, Value } from '#src/index.js';
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

test(
  'One child is forked ahead: it is the next child, and none of the program until then',
  cleanForked(async () => {
    const server = await serverPid();
    const spare = await waitingSpare(server);
    assert.deepEqual(activeChildren(), []);
    const next = await child(() => process.pid);
    assert.equal(next.pid, spare);
    assert.equal(await next.result(), spare);
    assert.notEqual(await waitingSpare(server), spare);
    assert.equal(sparesOf(server).length, 1);
  }),
);

test(
  'A burst of children leaves one spare behind, which is the next child',
  cleanForked(async () => {
    const server = await serverPid();
    const go = new Event();
    const burst = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const each = new ForkServerProcess({ target: (start: Event) => start.wait(), args: [go], stdio: 'ignore' });
        return each.start();
      }),
    );
    const spare = await waitingSpare(server, burst);
    const ofServer = familyOf().flatMap(({ pid, parentPid, state }) => (parentPid === server && state !== 'Z' ? [pid] : []));
    assert.deepEqual(new Set(ofServer), new Set([...burst.map(({ pid }) => pid), spare]));
    go.set();
    for (const each of burst) await withDeadline(each.join(), SOON_MS, 'an end');
    assert.equal(await resultOf(() => process.pid), spare);
  }),
);

test(
  'A child that was forked ahead has the environment, folder, file mode mask and output of its start',
  cleanForked(async () => {
    await waitingSpare(await serverPid());
    const folder = realpathSync(tmpdir());
    const mask = process.umask(0o027);
    try {
      const late = new ForkServerProcess({
        target: () => {
          console.log('said');
          return [process.env['LATE'], process.cwd(), process.umask()];
        },
        env: { LATE: 'yes' },
        cwd: folder,
        stdio: 'pipe',
      });
      await late.start();
      let said = '';
      late.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
      assert.deepEqual(await withDeadline(late.result(), SOON_MS, 'the result'), ['yes', folder, 0o027]);
      // The end of the pipe comes though the next spare is there: that one holds no end of it.
      if (late.stdout?.readableEnded === false) await withDeadline(once(late.stdout, 'end'), SOON_MS, 'the end of the output');
      assert.equal(said, 'said\n');
    } finally {
      process.umask(mask);
    }
  }),
);

test(
  'A spare that is killed while it waits is no loss: the next child is another one',
  cleanForked(async () => {
    const server = await serverPid();
    const spare = await waitingSpare(server);
    process.kill(spare, 'SIGKILL');
    await until('the death of the spare', () => !isThere(spare));
    const next = await child(() => process.ppid);
    assert.equal(await withDeadline(next.result(), SOON_MS, 'the result'), server);
    await until('that the server has reaped it', () => stateOf(spare) === undefined);
  }),
);

test(
  'A spare that is killed as it is given its order is a child that was killed',
  cleanForked(async () => {
    const server = await serverPid();
    const spare = await stoppedSpare(server);
    const next = await child(() => 'never');
    assert.equal(next.pid, spare);
    process.kill(spare, 'SIGKILL');
    const error = await withDeadline(next.exception(), SOON_MS, 'the death');
    assert.ok(error instanceof ProcessDiedError, String(error));
    assert.equal(next.exitCode, -9);
    assert.equal(await serverPid(), server);
  }),
);

test('A killed fork server takes its spare along, a stopped one too', async () => {
  const server = await serverPid();
  const spare = await stoppedSpare(server);
  process.kill(server, 'SIGKILL');
  await until('the end of both', () => !isThere(server) && !isThere(spare));
  await until('the news of it', () => forkserverState().variant !== 'fork');
});

test('A child that has its order when its fork server is killed lives on', async () => {
  const server = await serverPid();
  const spare = await stoppedSpare(server);
  const next = await child(() => 'lived on');
  assert.equal(next.pid, spare);
  await until('the next spare, before which the order was given', () => sparesOf(server).length === 2);
  process.kill(server, 'SIGKILL'); // which lets the spare go on
  assert.equal(await withDeadline(next.result(), SOON_MS, 'the result'), 'lived on');
  await next.join();
});

test('A fork server killed between its answer and the order has a child that dies without having run', async () => {
  const ran = new Value('i32', 0);
  await withFault('forkserver.beforeOrder:kill@2', async () => {
    const lost = new ForkServerProcess({ target: (count: Value<'i32'>) => count.add(1), args: [ran], stdio: 'ignore' });
    await lost.start();
    assert.ok((await withDeadline(lost.exception(), SOON_MS, 'the death')) instanceof ProcessDiedError);
  });
  assert.equal(ran.value, 0);
});

test('A child whose fork server is killed before its answer runs once, elsewhere', async () => {
  const ran = new Value('i32', 0);
  await withFault('forkserver.beforeAnswer:kill@2', async () => {
    const target = (count: Value<'i32'>): number => count.add(1);
    const moved = new ForkServerProcess({ target, args: [ran], stdio: 'ignore' });
    await moved.start();
    await withDeadline(moved.join(), SOON_MS, 'its end');
  });
  assert.equal(ran.value, 1);
});

test('A spare for which there is nothing to do for some time ends', async () => {
  await withFault('forkserver.idle:errno=EAGAIN@0', async () => {
    const server = await serverPid();
    await until('no spare', () => sparesOf(server).length === 0);
    assert.equal(await serverPid(), server);
  });
});

test('A killed program takes its spare along', async () => {
  const program = fileURLToPath(new URL('../../test/fixtures/forkserver/lives-long.mjs', import.meta.url));
  const main = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await withDeadline(once(main.stdout.setEncoding('utf8'), 'data'), SOON_MS, 'the pids')) as [string];
  const [, , server = 0] = JSON.parse(line) as number[];
  const spare = await stoppedSpare(server);
  process.kill(main.pid as number, 'SIGKILL');
  await until('the end of all', () => !isThere(server) && !isThere(spare));
});
