import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { clean, fixture, Program, program } from './process-support.js';

for (const name of ['prints-result.mjs', 'prints-result.cjs']) {
  test(
    `Process starts from a main program: ${name}  [B-02]`,
    clean(async (t) => {
      const main = program(t, name);
      assert.deepEqual(await main.end(), { code: 0, stdout: 'result=42\n', stderr: '' });
    }),
  );
}

for (const [how, flags] of [
  ['-e, as a module', ['--input-type=module', '-e']],
  ['-e, as CommonJS', ['-e']],
] as const) {
  test(
    `Process starts from ${how}  [B-02]`,
    clean(async (t) => {
      const text = readFileSync(fixture(how.includes('CommonJS') ? 'prints-result.cjs' : 'prints-result.mjs'), 'utf8');
      const main = new Program(t, process.execPath, [...flags, text]);
      assert.deepEqual(await main.end(), { code: 0, stdout: 'result=42\n', stderr: '' });
    }),
  );
}

for (const [how, flags] of [
  ['stdin, as a module', ['--input-type=module', '-']],
  ['stdin, as CommonJS', ['-']],
] as const) {
  test(
    `Process starts from ${how}  [B-02]`,
    clean(async (t) => {
      const input = readFileSync(fixture(how.includes('CommonJS') ? 'prints-result.cjs' : 'prints-result.mjs'), 'utf8');
      const main = new Program(t, process.execPath, flags, { input });
      assert.deepEqual(await main.end(), { code: 0, stdout: 'result=42\n', stderr: '' });
    }),
  );
}

test(
  'Process starts inside node --test, without the flags of the test runner',
  clean(async (t) => {
    const main = new Program(t, process.execPath, ['--test', fixture('in-node-test.mjs')]);
    const end = await main.end();
    assert.equal(end.code, 0, end.stdout + end.stderr);
    assert.match(end.stdout, /pass 1\n/);
  }),
);

test(
  'Process stdio is inherited by default, and all that a child wrote is out before join() resolves',
  clean(async (t) => {
    const end = await program(t, 'inherits.mjs').end();
    assert.deepEqual([end.code, end.stdout.length, end.stderr], [0, 16 * 65_536 + 'parent\n'.length, 'complaint\n']);
    assert.match(end.stdout, /^0\.+\n1\.[^]*\n15\.+\nparent\n$/);
  }),
);

test(
  'Processes nest ten deep and no deeper: start() rejects with InvalidStateError  [fault 77]',
  clean(async (t) => {
    const end = await program(t, 'nested.mjs').value<{ depth: number; name: string; message: string }>('end');
    assert.deepEqual([end.depth, end.name], [10, 'InvalidStateError']);
    assert.match(end.message, /10 deep/);
  }),
);

test(
  'Processes and executors work where the working folder was deleted',
  clean(async (t) => {
    const answers = await program(t, 'deleted-folder.mjs').value<unknown[]>('answers');
    assert.deepEqual(answers, [15, 15, 7, 'failed there']);
  }),
);

test(
  'a program that cannot see its own processes in /proc is told so, and what to do: it would hear of no death',
  clean(async (t) => {
    const namespace = ['-Ur', '-pf']; // a PID namespace of its own, with the /proc of ours
    if (spawnSync('unshare', [...namespace, 'true']).status !== 0) return t.skip('no namespaces can be made here');
    const main = new Program(t, 'unshare', [...namespace, '--kill-child', process.execPath, fixture('nested.mjs')]);
    const end = await main.end();
    assert.equal(end.code, 0, end.stderr);
    assert.match(
      end.stdout,
      /"depth":0,"name":"UnsupportedPlatformError","message":"Cannot create shared memory: \/proc is not mounted, or not .* mount it /,
    );
  }),
);
