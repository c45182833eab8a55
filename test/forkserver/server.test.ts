import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Event, ForkServerProcess, setForkserverPreload, Value } from '#src/index.js';
import { awaitForkserver, forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';
import { warmUpForkserver } from './forkserver-support.js';

before(warmUpForkserver);
after(() => setForkserverPreload([]));

const SOON_MS = 30_000;

async function serverPid(): Promise<number> {
  const child = new ForkServerProcess<[], number>({ target: () => process.ppid, stdio: 'ignore' });
  await child.start();
  const pid = await withDeadline(child.result(), SOON_MS, 'the pid of the server');
  await child.join();
  return pid;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const wait = async (): Promise<void> => {
    while (!condition()) await sleep(5);
  };
  await withDeadline(wait(), SOON_MS, what);
}

function isThere(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
}

test('A SIGINT that reaches the fork server, as Ctrl-C does, leaves it working  [_TestProcess.test_forkserver_sigint]', async () => {
  const server = await serverPid();
  process.kill(server, 'SIGINT');
  assert.equal(await serverPid(), server);
  assert.deepEqual(forkserverState(), { variant: 'fork' });
});

test('The end of a child of the fork server is nothing to a program without a terminal of which another child is stopped', async () => {
  const program = fileURLToPath(new URL('../../test/fixtures/forkserver/has-a-stopped-child.mjs', import.meta.url));
  // A session of its own: nobody outside of the group is the parent of somebody in it, as in services and CI.
  const main = spawn(process.execPath, [program], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(main, 'close');
  let said = '';
  main.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  assert.deepEqual(await withDeadline(closed, SOON_MS, 'the end of the program'), [0, null]);
  assert.equal(said.trim(), '[]');
});

test('A killed fork server is replaced; its living children are not dead, and their ends are heard of  [_TestProcess.test_forkserver_sigkill]', async () => {
  const go = new Event();
  const seen = new Value('i32', 0);
  const children = [0, 7, -15].map(
    (end) =>
      new ForkServerProcess({
        target: async (how: number, start: Event, count: Value<'i32'>) => {
          count.add(1);
          await start.wait();
          if (how < 0) process.kill(process.pid, 'SIGTERM');
          if (how < 0) await new Promise((resolve) => setTimeout(resolve, 60_000));
          process.exitCode = how;
          return 'lived on';
        },
        args: [end, go, seen],
        stdio: 'ignore',
      }),
  );
  for (const child of children) await child.start();
  await until('the children to run', () => seen.value === 3);
  const server = await serverPid();
  process.kill(server, 'SIGKILL');
  await until('the death of the server', () => !isThere(server));
  await until('the news of it', () => forkserverState().variant !== 'fork');
  for (const child of children) assert.equal(child.isAlive(), true);
  await awaitForkserver();
  const next = await serverPid();
  assert.notEqual(next, server);
  assert.equal(next === process.pid, false);
  go.set();
  for (const child of children)
    await withDeadline(
      child.join().catch(() => {}),
      SOON_MS,
      'the end of an orphan of the server',
    );
  assert.deepEqual(
    children.map((child) => child.exitCode),
    [0, 7, -15],
  );
  assert.equal(await children[0]?.result(), 'lived on');
});

test('Nobody but the program can ask its fork server for children: its sockets have no name, whatever the temporary folder is  [_TestProcess.test_forkserver_auth_is_enabled] [_TestProcess.test_forkserver_without_auth_fails] [TestForkServerConfiguration.test_respect_sun_path_max] [TestStartMethod.test_forkserver_requires_writeable_tempdir]', async () => {
  const folder = process.env['TMPDIR'];
  process.env['TMPDIR'] = `/nowhere/${'long/'.repeat(60)}`;
  try {
    setForkserverPreload(['node:zlib']); // so there is a new one
    const server = await serverPid();
    assert.deepEqual(forkserverState(), { variant: 'fork' });
    const sockets = readdirSync(`/proc/${server}/fd`).flatMap((fd) => {
      const target = readlinkSync(`/proc/${server}/fd/${fd}`);
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    });
    assert.ok(sockets.length >= 2);
    const named = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , , inode, path]) => sockets.includes(inode ?? '') && path !== undefined);
    assert.deepEqual(named, []);
  } finally {
    if (folder === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = folder;
  }
});

test('A killed program takes its fork server and its children along', async () => {
  const { spawn } = await import('node:child_process');
  const program = fileURLToPath(new URL('../../test/fixtures/forkserver/lives-long.mjs', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await withDeadline(once(child.stdout.setEncoding('utf8'), 'data'), SOON_MS, 'the pids')) as [string];
  const pids = JSON.parse(line) as number[];
  assert.equal(pids.length, 3);
  process.kill(child.pid as number, 'SIGKILL');
  await until('the end of all', () => !pids.some(isThere));
});
