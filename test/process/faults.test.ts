import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessDiedError } from '#src/index.js';
import { clean, fixture, Program, program, soon, started } from './process-support.js';

for (const [point, phase] of [
  ['spawn.afterExec', 'starting'],
  ['boot.beforeReady', 'starting'],
  ['task.beforeDecode', 'starting'],
  ['task.running', 'running'],
  ['ring.beforeCommit', 'starting'],
] as const) {
  for (const [action, exitCode] of [
    ['kill', -9],
    ['segv', -11],
    ['exit0', 0],
  ] as const) {
    test(
      `A child that ends by ${action} at ${point} is a ProcessDiedError with phase ${phase}  [fault 3, 4, 8]`,
      clean(async (t) => {
        const p = await started(t, { target: () => 'result', env: { MULTIPROC_FAULT: `${point}:${action}` } });
        const error = await soon(p.exception(), 'exception');
        assert.ok(error instanceof ProcessDiedError, String(error));
        assert.deepEqual([error.exitCode, error.phase, p.exitCode], [exitCode, phase, exitCode]);
        await assert.rejects(p.result(), ProcessDiedError);
      }),
    );
  }
}

for (const action of ['kill', 'exit0'] as const) {
  test(
    `A child that ends by ${action} in the middle of a result of 1 MB is a ProcessDiedError  [fault 9]`,
    clean(async (t) => {
      const p = await started(t, {
        target: () => new Uint8Array(1e6),
        env: { MULTIPROC_FAULT: `ring.betweenChunks:${action}@3` },
      });
      await assert.rejects(soon(p.result(), 'result'), { name: 'ProcessDiedError', exitCode: action === 'kill' ? -9 : 0 });
    }),
  );
}

for (const code of ['EAGAIN', 'ENOMEM', 'EMFILE'] as const) {
  test(
    `Process.start() rejects with ResourceExhaustedError ${code}, leaves nothing, and can be tried again  [fault 38, 39, 40]`,
    clean(async (t) => {
      const main = program(t, 'start-fails.mjs', [], { env: { MULTIPROC_FAULT: `spawn.beforeFork:errno=${code}@2` } });
      assert.deepEqual(await main.value('failure'), [true, code, 0, 0, false]);
      assert.equal(await main.value('result'), 42);
      assert.deepEqual((await main.end()).code, 0);
    }),
  );
}

for (const limit of [40, 120]) {
  test(
    `Process.start() rejects with ResourceExhaustedError when a limit of ${limit} file descriptors is reached, leaks nothing, and works again later  [fault 38]`,
    clean(async (t) => {
      const main = new Program(t, 'bash', ['-c', `ulimit -n ${limit}; exec "${process.execPath}" "${fixture('few-fds.mjs')}"`]);
      assert.deepEqual(
        await main.value('failures'),
        Array.from({ length: 5 }, () => [true, 'EMFILE', null]),
      );
      assert.equal(await main.value('leaked'), 0);
      assert.equal(await main.value('active'), 0);
      assert.equal(await main.value('killed'), true);
      assert.equal(await main.value('again'), 'again');
      assert.equal((await main.end()).code, 0);
    }),
  );
}

for (const left of [0, 2, 3, 6, 10]) {
  test(
    `The very first Process.start() with ${left} file descriptors left rejects with ResourceExhaustedError, and can be tried again  [fault 38]`,
    clean(async (t) => {
      const main = new Program(t, 'bash', ['-c', `ulimit -n 200; exec "${process.execPath}" "${fixture('no-fds.mjs')}" ${left}`]);
      assert.deepEqual(await main.value('failure'), [true, 'EMFILE']);
      assert.equal(await main.value('result'), 42);
    }),
  );
}
