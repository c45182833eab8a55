import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  clean,
  type Ended,
  folder,
  Program,
  fixture,
  program,
  started,
  soon,
  until,
  untilGone,
  isGone,
} from './process-support.js';

/** Runs a program that ends in this way; what its child wrote is `written`. */
async function endOf(t: TestContext, way: string): Promise<Ended & { written: string; pid: number; path: string }> {
  const path = join(folder(t), 'trace');
  const main = program(t, 'ends.mjs', [way, path]);
  const pid = await main.value<number>('pid');
  const end = await main.end();
  return { ...end, pid, path, written: existsSync(path) ? readFileSync(path, 'utf8') : '' };
}

for (const way of ['plain child', 'plain child joined', 'daemon joined']) {
  test(
    `A program whose main code is over waits for: ${way}`,
    clean(async (t) => {
      const end = await endOf(t, way);
      assert.deepEqual([end.code, end.written, end.stderr], [0, 'written', '']);
      assert.equal(isGone(end.pid), true);
    }),
  );
}

for (const way of ['daemon idle', 'daemon with pipe']) {
  test(
    `A program whose main code is over ends at once and takes with it: ${way}  [P-06]`,
    clean(async (t) => {
      const end = await endOf(t, way);
      assert.deepEqual([end.code, end.stderr], [0, '']);
      await untilGone([end.pid]);
    }),
  );
}

for (const [way, code] of [
  ['daemon with handler', 0],
  ['daemon with handler, exit', 3],
] as const) {
  test(
    `A daemon gets SIGTERM at the end of its parent, and time to obey: ${way}  [B-11]`,
    clean(async (t) => {
      const end = await endOf(t, way);
      assert.deepEqual([end.code, end.written], [code, 'terminated']);
      await untilGone([end.pid]);
    }),
  );
}

for (const [way, code] of [
  ['plain child, exit', 3],
  ['plain child, throw', 1],
] as const) {
  test(
    `A program that ends by itself takes its children with it: ${way}  [fault 27]`,
    clean(async (t) => {
      const end = await endOf(t, way);
      assert.equal(end.code, code);
      await untilGone([end.pid]);
    }),
  );
}

test(
  'A program that fails to join a failed child ends with code 0',
  clean(async (t) => {
    assert.equal((await endOf(t, 'failed child that nobody joined')).code, 0);
  }),
);

test(
  'A detached daemon is not held by its parent, and not terminated at its end',
  clean(async (t) => {
    const end = await endOf(t, 'detached daemon');
    assert.equal(end.code, 0);
    await until(() => existsSync(end.path), 'the detached child writes');
    await untilGone([end.pid]);
  }),
);

test(
  'A daemon process may not have children: start() rejects with InvalidStateError  [fault 77, P-06]',
  clean(async (t) => {
    const p = await started(t, {
      daemon: true,
      target: async () => {
        const { Process, currentProcess } = await import('#src/index.js');
        const inner = new Process({ target: () => {} });
        const error = await inner.start().then(
          () => null,
          (error: Error) => error,
        );
        return [currentProcess().daemon, inner.daemon, error?.name, error?.message, inner.pid];
      },
    });
    const [daemon, inherited, name, message, pid] = await soon(p.result(), 'result');
    assert.deepEqual([daemon, inherited, name, pid], [true, true, 'InvalidStateError', undefined]);
    assert.match(message as string, /a daemon process may not have children/);
    assert.throws(() => (p.daemon = false), { name: 'InvalidStateError' });
  }),
);

for (const terminal of [false, true]) {
  test(
    `Ctrl-C ${terminal ? 'at a terminal' : 'to the process group'} is the business of the parent: children without a handler go on  [fault 72, 73, B-07]`,
    clean(async (t) => {
      const path = join(folder(t), 'trace');
      const main = terminal
        ? new Program(t, 'python3', ['-c', PTY, process.execPath, fixture('ctrl-c.mjs'), path])
        : program(t, 'ctrl-c.mjs', [path], { detached: true });
      await main.value('pids');
      if (terminal) process.kill(main.pid, 'SIGUSR1');
      else process.kill(-main.pid, 'SIGINT');
      assert.equal(await main.value('interrupted'), true);
      assert.deepEqual(await main.value('results'), [0, 1, 'spun']);
      assert.equal((await main.end()).code, 0);
    }),
  );
}

/** Runs a program in a terminal of its own, and types Ctrl-C into it at SIGUSR1. */
const PTY = `
import os, pty, signal, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGUSR1, lambda *_: os.write(fd, b'\\x03'))
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data: break
    os.write(1, data.replace(b'\\r\\n', b'\\n'))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test(
  'Ctrl-C ends a parent without a handler by SIGINT, and its children with it',
  clean(async (t) => {
    const main = program(t, 'family.mjs', ['busy'], { detached: true });
    const pids = await main.value<number[]>('pids');
    process.kill(-main.pid, 'SIGINT');
    assert.equal((await main.end()).code, -2);
    await untilGone(pids);
  }),
);

for (const terminal of [false, true]) {
  test(
    `A second Ctrl-C ${terminal ? 'at a terminal ' : ''}ends a program that still waits after the first: no orphans, no stacks  [fault 72]`,
    clean(async (t) => {
      const main = terminal
        ? new Program(t, 'python3', ['-c', PTY, process.execPath, fixture('ctrl-c-twice.mjs')])
        : program(t, 'ctrl-c-twice.mjs', [], { detached: true });
      const type = () => process.kill(terminal ? main.pid : -main.pid, terminal ? 'SIGUSR1' : 'SIGINT');
      const pids = await main.value<number[]>('pids');
      type();
      assert.equal(await main.value('interrupted'), true);
      assert.deepEqual(pids.filter(isGone), []);
      type();
      const end = await main.end();
      await untilGone(pids);
      assert.equal(terminal ? (end.code << 24) >> 24 : end.code, -2);
      assert.equal(end.stderr, '');
      assert.doesNotMatch(end.stdout, /^ +at /m);
    }),
  );
}

for (const method of ['spawn', 'forkserver']) {
  test(
    `Ctrl-C while children start (${method}) is the business of the parent too; then they are in its process group  [fault 72, B-07]`,
    clean(async (t) => {
      const main = program(t, 'interrupted-starts.mjs', [method], { detached: true });
      await main.value('ready');
      const typing = setInterval(() => {
        if (!isGone(main.pid)) process.kill(-main.pid, 'SIGINT');
      }, 1);
      t.after(() => clearInterval(typing));
      assert.deepEqual(await main.value('ends'), ['lived']);
      clearInterval(typing);
      assert.equal(await main.value('sameGroup'), true);
      assert.deepEqual(await main.end().then(({ code, stderr }) => [code, stderr]), [0, '']);
    }),
  );
}
