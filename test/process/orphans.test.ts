import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clean, folder, isGone, program, until, untilGone } from './process-support.js';

for (const [kind, what] of [
  ['idle', 'an idle child  [fault 23, B-12]'],
  ['busy', 'a child in a busy loop  [fault 24]'],
  ['stopped', 'a stopped child  [fault 25]'],
  ['blocked', 'a child blocked in Atomics.wait  [fault 24]'],
  ['deaf', 'a child that handles every signal  [fault 24]'],
  ['nested', 'a child, a grandchild and a great-grandchild  [fault 24]'],
  ['thread', 'a child that a worker thread started  [fault 23]'],
] as const) {
  test(
    `A parent killed with SIGKILL takes with it ${what}`,
    clean(async (t) => {
      const parent = program(t, 'family.mjs', [kind]);
      const pids = await parent.value<number[]>('pids');
      assert.equal(pids.length, kind === 'nested' ? 3 : 1);
      assert.deepEqual(pids.filter(isGone), []);
      process.kill(parent.pid, 'SIGKILL');
      await untilGone(pids);
    }),
  );
}

test(
  'A parent that ends by SIGTERM without a handler takes its children with it  [fault 26]',
  clean(async (t) => {
    const parent = program(t, 'family.mjs', ['busy']);
    const pids = await parent.value<number[]>('pids');
    process.kill(parent.pid, 'SIGTERM');
    await untilGone(pids);
  }),
);

test(
  'A detached child outlives its killed parent, and sees its end  [_TestProcess.test_parent_process] [P-30]',
  clean(async (t) => {
    const path = join(folder(t), 'trace');
    const parent = program(t, 'family.mjs', ['detached', path]);
    const pids = await parent.value<number[]>('pids');
    process.kill(parent.pid, 'SIGKILL');
    await until(() => existsSync(path) && readFileSync(path, 'utf8') === 'outlived', 'the detached child writes');
    await untilGone(pids);
  }),
);

for (const way of ['terminate', 'exit'] as const) {
  test(
    `A worker thread that ends by ${way}() takes its busy children with it; the process goes on`,
    clean(async (t) => {
      const parent = program(t, 'thread-ends.mjs', [way]);
      const pid = await parent.value<number>('pid');
      await parent.value('ended');
      await untilGone([pid]);
      assert.equal(isGone(parent.pid), false);
    }),
  );
}
