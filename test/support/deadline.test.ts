import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { leavesNothing } from './census.js';
import { withDeadline } from './deadline.js';

test(
  'withDeadline() settles as its promise does',
  leavesNothing(async () => {
    assert.equal(await withDeadline(Promise.resolve(7), 1000, 'seven'), 7);
    await assert.rejects(withDeadline(Promise.reject(new Error('mine')), 1000, 'nothing'), /^Error: mine$/);
  }),
);

test(
  'withDeadline() says what every process of the family is doing when time runs out',
  leavesNothing(async (t) => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    t.after(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await once(child, 'spawn');
    await assert.rejects(withDeadline(new Promise(() => {}), 50, 'the answer'), (error: Error) => {
      assert.match(error.message, /^the answer: not within 50 ms\n/);
      assert.match(error.message, new RegExp(`process ${process.pid} \\(`));
      assert.match(error.message, new RegExp(`process ${child.pid} .*: sleep 60\\n  1 × sleep: S in `));
      return true;
    });
  }),
);
