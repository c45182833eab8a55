/**
 * Python's tests of what a child finds around it: flags, file descriptors, signals, stdin, modules.
 *
 * Runs in the test process.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Listener, Pipe, Process, setExecutable } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';
import { clean, folder, program, Program, soon } from './process-support.js';

/** What watches sockets lives as long as the process. */
before(async () => {
  const listener = await new Listener().listen();
  const client = await Client(listener.address as string);
  for (const each of [client, await listener.accept(), listener]) each.close();
});

test(
  'setExecutable() takes a path or a file URL of another node; children started from then on run in it  [_TestProcess.test_set_executable] [M-24]',
  clean(async (t) => {
    const path = join(folder(t), 'my node');
    writeFileSync(path, `#!/bin/sh\nBY="$0" exec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    t.after(() => setExecutable(process.execPath));
    for (const each of [path, new URL(`file://${path.replace(' ', '%20')}`)]) {
      setExecutable(each);
      const child = new Process({ target: () => process.env['BY'], stdio: 'ignore' });
      await child.start();
      assert.equal(await soon(child.result(), 'result'), path);
    }
    setExecutable(join(path, 'missing'));
    await assert.rejects(new Process({ target: () => {} }).start(), { name: 'SystemError', code: 'ENOTDIR' });
    for (const bad of ['', 5, null]) assert.throws(() => setExecutable(bad as never), { name: 'TypeError' });
    assert.throws(() => setExecutable(new URL('https://example.org/node')), { name: 'TypeError' });
  }),
);

test(
  'Children and their children have the flags of the main program that make sense in them, and its argv  [TestFlags.test_flags] [B-04, B-05]',
  clean(async (t) => {
    const flags = ['--stack-trace-limit=7', '--no-warnings', '--max-semi-space-size=2', '-C', 'mine'];
    const main = program(t, 'flags.mjs', ['an argument'], { flags: [...flags, '--inspect-port=0', '--title=main'] });
    const { child, grandchild } = await main.value<Record<string, { flags: string[]; limit: number; argv: string[] }>>('seen');
    for (const each of [child, grandchild])
      assert.deepEqual([each?.flags, each?.limit, each?.argv.slice(2)], [flags, 7, ['an argument']]);
    assert.equal((await main.end()).code, 0);
  }),
);

eachKind(
  'signals that have a handler disturb neither a blocking nor an awaiting receive, nor a send of much  [TestIgnoreEINTR.test_ignore]',
  async (kind, t) => {
    const [ours, theirs] = Pipe<unknown>();
    t.after(() => [ours, theirs].map((each) => each.close()));
    const SIZE = 1_000_000;
    const child = await startChild(
      kind,
      t,
      async (end: typeof theirs, size: number) => {
        let signals = 0;
        process.on('SIGHUP', () => signals++);
        end.sendSync('ready');
        const first = end.recvSync();
        const second = await end.recv();
        end.sendSync(new Uint8Array(size));
        end.close();
        while (signals === 0) await new Promise((resolve) => setImmediate(resolve));
        return [first, second];
      },
      [theirs, SIZE],
    );
    const signal = () => process.kill(child.pid as number, constants.signals.SIGHUP);
    assert.equal(await soon(ours.recv(), 'ready'), 'ready');
    for (const text of ['first', 'second']) {
      for (let i = 0; i < 20; i++) signal();
      await ours.send(text);
    }
    for (let i = 0; i < 20; i++) signal();
    assert.equal(((await soon(ours.recv(), 'much')) as Uint8Array).length, SIZE);
    assert.deepEqual(await soon(child.result(), 'result'), ['first', 'second']);
  },
  ({ separate }) => separate,
);

eachKind(
  'signals that have a handler do not disturb accept()  [TestIgnoreEINTR.test_ignore_listener]',
  async (kind, t) => {
    const [ours, theirs] = Pipe<string>();
    t.after(() => [ours, theirs].map((each) => each.close()));
    const child = await startChild(
      kind,
      t,
      async (end: typeof theirs) => {
        process.on('SIGHUP', () => {});
        const listener = await new Listener().listen();
        const accepting = listener.accept();
        end.sendSync(listener.address as string);
        const connection = await accepting;
        await connection.send('welcome');
        connection.close();
        listener.close();
        end.close();
      },
      [theirs],
    );
    const address = await soon(ours.recv(), 'address');
    for (let i = 0; i < 50; i++) process.kill(child.pid as number, constants.signals.SIGHUP);
    const client = await Client(address);
    assert.equal(await soon(client.recv(), 'welcome'), 'welcome');
    client.close();
    await soon(child.join(), 'join');
    assert.equal(child.exitCode, 0);
  },
  ({ separate }) => separate,
);

eachKind('the timeout of a connect is none of what comes over it  [TestTimeouts.test_timeout]', async (kind, t) => {
  const TIMEOUT_MS = 100;
  const listener = await new Listener().listen();
  t.after(() => listener.close());
  const child = await startChild(
    kind,
    t,
    async (address: string, timeout: number) => {
      const client = await Client(address, { timeout: 60_000 });
      setTimeout(() => client.send('late'), timeout * 2);
      const answer = await client.recv();
      client.close();
      return answer;
    },
    [listener.address as string, TIMEOUT_MS],
  );
  const connection = await soon(listener.accept(60_000), 'accept');
  await assert.rejects(listener.accept(TIMEOUT_MS), { name: 'TimeoutError' });
  assert.equal(await soon(connection.recv(), 'what comes later'), 'late');
  await connection.send('heard');
  assert.equal(await soon(child.result(), 'result'), 'heard');
  connection.close();
});

for (const [what, ported] of [
  ['a queue in a child of a child', '[TestStdinBadfiledescriptor.test_queue_in_process]'],
  ['a pool in a child', '[TestStdinBadfiledescriptor.test_pool_in_process]'],
] as const) {
  test(
    `A program whose stdin is closed can use ${what}  ${ported}`,
    clean(async (t) => {
      const main = new Program(t, 'sh', ['-c', 'exec "$@" <&-', 'sh', process.execPath, fixtureOf('no-stdin.mjs'), what]);
      assert.deepEqual(await main.end(), { code: 0, stdout: 'result=[1,4,9]\n', stderr: '' });
    }),
  );
}

function fixtureOf(name: string): string {
  return fileURLToPath(new URL(`../../test/fixtures/process/${name}`, import.meta.url));
}

test(
  'A child finds modules as the file of its function does: by the packages beside it, NODE_PATH, the working directory  [_TestSpawnedSysPath.test_child_sys_path]',
  clean(async (t) => {
    const place = folder(t);
    for (const [path, text] of [
      ['app/node_modules/beside/package.json', '{"name":"beside","type":"module","exports":"./index.js"}'],
      ['app/node_modules/beside/index.js', 'export default "beside";'],
      ['lib/by-path/index.js', 'module.exports = "by path";'],
      ['elsewhere/relative.txt', ''],
      [
        'app/main.mjs',
        `import { createRequire } from 'node:module'; import { readdirSync } from 'node:fs'; import { Process } from 'multiproc';
        const require = createRequire(import.meta.url);
        process.chdir('../elsewhere');
        const child = new Process({ target: async () => [(await import('beside')).default, require('by-path'), readdirSync('.')] });
        await child.start();
        console.log('found=' + JSON.stringify(await child.result()));`,
      ],
    ] as const) {
      mkdirSync(join(place, path, '..'), { recursive: true });
      writeFileSync(join(place, path), text);
    }
    linkLibrary(join(place, 'app'));
    const main = new Program(t, 'sh', ['-c', 'cd "$1" && exec "$2" main.mjs', 'sh', join(place, 'app'), process.execPath], {
      env: { NODE_PATH: join(place, 'lib') },
    });
    assert.deepEqual(await main.value('found'), ['beside', 'by path', ['relative.txt']]);
    assert.equal((await main.end()).stderr, '');
  }),
);

function linkLibrary(to: string): void {
  mkdirSync(join(to, 'node_modules'), { recursive: true });
  symlinkSync(fileURLToPath(new URL('../../', import.meta.url)), join(to, 'node_modules/multiproc'));
}

test(
  'A program with a named resource of its module leaves none, and its children do not make it again  [TestNamedResource.test_global_named_resource_spawn]',
  clean(async (t) => {
    const main = program(t, 'named-resource.mjs');
    const name = await main.value<string>('name');
    assert.deepEqual(await main.value('seen'), [name, 42, 1]);
    assert.deepEqual(await main.end().then(({ code, stderr }) => [code, stderr]), [0, '']);
    assert.equal(existsSync(`/dev/shm/${name}`), false);
  }),
);
