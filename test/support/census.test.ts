import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { leavesNothing, type CensusOptions } from './census.js';
import { familyOf } from './family.js';

const SLEEPER = ['-e', 'setTimeout(() => {}, 60_000)'];

/** Judges a body that is expected to leak, without failing this test. */
async function verdictOn(t: TestContext, body: (t: TestContext) => unknown, options: CensusOptions = {}): Promise<string> {
  try {
    await leavesNothing(body, { graceMs: 200, ...options })(t);
    return 'clean';
  } catch (error) {
    return (error as Error).message;
  }
}

test(
  'leavesNothing() accepts a test that cleans up, also a moment later',
  leavesNothing(() => {
    const fd = openSync('/dev/null', 'r');
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    setTimeout(() => closeSync(fd), 100);
    return once(child, 'spawn');
  }),
);

test('leavesNothing() names a file descriptor that stays open', async (t) => {
  let fd = -1;
  assert.match(await verdictOn(t, () => (fd = openSync('/dev/null', 'r'))), /file descriptor \d+: \/dev\/null/);
  closeSync(fd);
});

test('leavesNothing() names a process that still runs, and kills it', async (t) => {
  let exited: Promise<unknown> | undefined;
  const verdict = await verdictOn(t, async () => {
    const child = spawn(process.execPath, SLEEPER, { stdio: 'ignore' });
    exited = once(child, 'exit');
    await once(child, 'spawn');
  });
  assert.match(verdict, /process \d+ \(parent \d+, state \w\): .*setTimeout/);
  await exited;
});

test('leavesNothing() finds an orphan by its inherited mark', async (t) => {
  const script = `require('child_process').spawn(process.execPath, ${JSON.stringify(SLEEPER)}, { stdio: 'ignore', detached: true }).unref()`;
  const verdict = await verdictOn(t, async () => {
    await once(spawn(process.execPath, ['-e', script], { stdio: 'ignore' }), 'exit');
  });
  assert.match(verdict, /process \d+ .*setTimeout/);
  while (familyOf().some((member) => member.command.includes('setTimeout') && member.state !== 'Z')) await sleep(10);
});

test('leavesNothing() names a handle that holds the event loop', async (t) => {
  let timer: NodeJS.Timeout | undefined;
  assert.match(await verdictOn(t, () => (timer = setInterval(() => {}, 1000))), /handle Timeout/);
  clearInterval(timer);
});

test('leavesNothing() names a temporary file with our prefix', async (t) => {
  const path = join(tmpdir(), `multiproc-census-${process.pid}`);
  assert.match(await verdictOn(t, () => writeFileSync(path, '')), /name .*multiproc-census-/);
  rmSync(path);
});

test('leavesNothing() allows what its options allow and what warmUp brought up', async (t) => {
  const opened: number[] = [];
  const open = (): void => void opened.push(openSync('/dev/null', 'r'));
  assert.equal(await verdictOn(t, open, { allow: [/dev\/null/] }), 'clean');
  assert.equal(await verdictOn(t, () => {}, { warmUp: open }), 'clean');
  opened.forEach((fd) => closeSync(fd));
});

test('leavesNothing() runs t.after before the verdict, last registered first', async (t) => {
  const order: string[] = [];
  const verdict = await verdictOn(t, (inner) => {
    const fd = openSync('/dev/null', 'r');
    inner.after(() => order.push('first registered'));
    inner.after(() => order.push('second registered') && closeSync(fd));
  });
  assert.equal(verdict, 'clean');
  assert.deepEqual(order, ['second registered', 'first registered']);
});

test("leavesNothing() rejects with the body's own error", async (t) => {
  assert.equal(await verdictOn(t, () => Promise.reject(new Error('mine'))), 'mine');
});
