import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { test } from 'node:test';
import { activeChildren, Process, ResourceExhaustedError, SystemError } from '#src/index.js';
import { clean, folder, soon, started } from './process-support.js';

const env = (name: string): string | undefined => process.env[name];

test(
  'Process.start() with bad options throws TypeError or RangeError at construction and names the value',
  clean(() => {
    const bad: [unknown, typeof TypeError | typeof RangeError, RegExp][] = [
      [null, TypeError, /options must be an object, received null/],
      [{ target: 'f' }, TypeError, /target must be a function, received "f"/],
      [{ args: 'ab' }, TypeError, /args must be an array, received "ab"/],
      [{ args: null }, TypeError, /args must be an array, received null/],
      [{ name: 3 }, TypeError, /name must be a string, received 3/],
      [{ daemon: 'yes' }, TypeError, /daemon must be a boolean, received "yes"/],
      [{ env: ['A=1'] }, TypeError, /env must be an object, received \["A=1"\]/],
      [{ env: { A: 1 } }, TypeError, /env\.A must be a string or undefined, received 1/],
      [{ env: { 'A=B': '1' } }, TypeError, /received "A=B"/],
      [{ env: { A: 'x\0y' } }, TypeError, /env\.A must be a string/],
      [{ cwd: new URL('file:///tmp') }, TypeError, /cwd must be a path as a string, received an object of URL/],
      [{ execArgv: '--no-warnings' }, TypeError, /execArgv must be an array of strings, received "--no-warnings"/],
      [{ execArgv: [1] }, TypeError, /execArgv must be an array of strings, received \[1\]/],
      [{ stdio: 'none' }, TypeError, /stdio must be 'inherit', 'pipe' or 'ignore', received "none"/],
      [{ maxOldSpaceMb: '64' }, TypeError, /maxOldSpaceMb must be a number of MiB, received "64"/],
      [{ maxOldSpaceMb: 0 }, RangeError, /maxOldSpaceMb must be a positive integer of MiB, received 0/],
      [{ maxOldSpaceMb: 1.5 }, RangeError, /received 1\.5/],
      [{ detached: 1 }, TypeError, /detached must be a boolean, received 1/],
    ];
    for (const [options, ErrorClass, message] of bad) {
      assert.throws(
        () => new Process(options as never),
        (error: Error) => error.constructor === ErrorClass && message.test(error.message),
        String(message),
      );
    }
    const p = new Process();
    assert.throws(() => (p.name = 3 as unknown as string), TypeError);
    assert.throws(() => (p.daemon = 1 as unknown as boolean), TypeError);
    assert.throws(() => (p.authKey = 'key' as unknown as Uint8Array), TypeError);
  }),
);

test(
  "Process env is merged over the parent's as it is at start; undefined removes a variable  [B-04]",
  clean(async (t) => {
    process.env['MP_KEPT'] = 'kept';
    process.env['MP_GONE'] = 'gone';
    t.after(() => {
      delete process.env['MP_KEPT'];
      delete process.env['MP_GONE'];
      delete process.env['MP_LATE'];
    });
    const p = new Process({
      target: (names: string[]) => names.map((name) => process.env[name]),
      args: [['MP_KEPT', 'MP_GONE', 'MP_NEW', 'MP_EMPTY', 'MP_UNICODE', 'MP_LATE', 'NODE_CHANNEL_FD']],
      env: { MP_GONE: undefined, MP_NEW: 'a=b\nc', MP_EMPTY: '', MP_UNICODE: 'žluť 🐎' },
      stdio: 'ignore',
    });
    process.env['MP_LATE'] = 'late';
    await p.start();
    assert.deepEqual(await soon(p.result(), 'result'), ['kept', undefined, 'a=b\nc', '', 'žluť 🐎', 'late', undefined]);
    assert.equal(process.env['MP_GONE'], 'gone');
  }),
);

test(
  "Process cwd is the child's; by default it is that of the parent at start  [B-04]",
  clean(async (t) => {
    const path = realpathSync(folder(t));
    const there = await started(t, { target: () => process.cwd(), cwd: path });
    const here = await started(t, { target: () => process.cwd() });
    assert.equal(await soon(there.result(), 'result'), path);
    assert.equal(await soon(here.result(), 'result'), process.cwd());
  }),
);

test(
  'Process.start() rejects with SystemError ENOENT or ENOTDIR for a bad cwd, leaves nothing, and can be tried again',
  clean(async () => {
    for (const [cwd, code] of [
      ['/no/such/folder', 'ENOENT'],
      ['/dev/null', 'ENOTDIR'],
    ] as const) {
      const p = new Process({ target: env, args: ['PATH'], cwd, stdio: 'pipe' });
      for (let attempt = 0; attempt < 2; attempt++) {
        await assert.rejects(p.start(), (error: SystemError) => {
          assert.ok(error instanceof SystemError && !(error instanceof ResourceExhaustedError));
          assert.deepEqual([error.code, error.syscall], [code, 'chdir']);
          return true;
        });
      }
      assert.deepEqual([p.pid, p.exitCode, p.isAlive(), activeChildren()], [undefined, null, false, []]);
    }
  }),
);

test(
  'Process execArgv gives the child its flags; a flag that node does not know ends it with code 9 while starting',
  clean(async (t) => {
    const p = await started(t, { target: () => [process.execArgv, typeof globalThis.gc], execArgv: ['--expose-gc'] });
    assert.deepEqual(await soon(p.result(), 'result'), [['--expose-gc'], 'function']);
    const bad = await started(t, { target: () => {}, execArgv: ['--no-such-flag-at-all'] });
    await assert.rejects(soon(bad.join(), 'join'), { name: 'ProcessDiedError', exitCode: 9, phase: 'starting', signal: null });
  }),
);

test(
  'Process maxOldSpaceMb limits the heap; a child that runs out of it is a ProcessDiedError that says so',
  clean(async (t) => {
    const p = await started(t, {
      maxOldSpaceMb: 48,
      target: () => {
        const kept: number[][] = [];
        for (;;) kept.push(new Array<number>(1e5).fill(kept.length));
      },
    });
    await assert.rejects(soon(p.join(), 'join'), { name: 'ProcessDiedError', phase: 'running', hint: /heap/ });
  }),
);

test(
  'Process stdio "ignore" writes nowhere; stdout and stderr of the object are null',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        const { readlinkSync } = await import('node:fs');
        return [0, 1, 2].map((fd) => readlinkSync(`/proc/self/fd/${fd}`));
      },
    });
    assert.deepEqual([p.stdout, p.stderr], [null, null]);
    assert.deepEqual(await soon(p.result(), 'result'), ['/dev/null', '/dev/null', '/dev/null']);
  }),
);

test(
  'Process children have a closed stdin, no IPC channel of Node, and the argv of the parent  [B-04, B-06]',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        let input = '';
        for await (const chunk of process.stdin) input += String(chunk);
        return { input, send: typeof process.send, connected: process.connected, channel: process.channel, argv: process.argv };
      },
    });
    assert.deepEqual(await soon(p.result(), 'result'), {
      input: '',
      send: 'undefined',
      connected: undefined,
      channel: undefined,
      argv: process.argv,
    });
  }),
);

test(
  'Process children leak no file descriptor into what they spawn  [B-08]',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        const { execFileSync } = await import('node:child_process');
        return execFileSync('sh', ['-c', 'ls -l /proc/$$/fd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
          .split('\n')
          .flatMap((line) => / (\d+ -> .*)/.exec(line)?.[1] ?? []);
      },
    });
    // What whoever started the tests leaked into everything is not ours.
    const inherited = execFileSync('sh', ['-c', 'ls -l /proc/$$/fd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const left = (await soon(p.result(), 'result')).filter((line) => !/^[012] /.test(line) && !inherited.includes(line));
    assert.deepEqual(left, []);
  }),
);

test(
  'Process children inherit no file descriptor of the parent beyond stdio and their own  [TestCloseFds.test_closefd] [B-08]',
  clean(async (t) => {
    const { closeSync, openSync } = await import('node:fs');
    const fd = openSync('/etc/hostname', 'r');
    t.after(() => closeSync(fd));
    const p = await started(t, {
      target: async () => {
        const { readdirSync, readlinkSync } = await import('node:fs');
        return readdirSync('/proc/self/fd').flatMap((name) => {
          try {
            return readlinkSync(`/proc/self/fd/${name}`);
          } catch {
            return [];
          }
        });
      },
    });
    assert.equal((await soon(p.result(), 'result')).includes('/etc/hostname'), false);
  }),
);

test(
  'Process children ignore no signal because the runtime of the parent does',
  clean(async (t) => {
    const p = await started(t, {
      target: async () => {
        const { execFileSync } = await import('node:child_process');
        return execFileSync('grep', ['-E', 'Sig(Blk|Ign)', '/proc/self/status'], { encoding: 'utf8' });
      },
    });
    const text = await soon(p.result(), 'result');
    assert.match(text, /SigBlk:\s+0+\n/);
  }),
);
