import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/workers/counts-inspections.mjs', import.meta.url));
const skip = availableParallelism() < 2 && 'one CPU: it would be taken from the worker';

function counted(task: 'named' | 'inline'): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, task], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('while the first worker starts, its parent gets ready to send functions', { skip }, () => {
  const { looks, allScripts } = counted('named') as { looks: number; allScripts: boolean };
  assert.ok(looks > 1, `${looks} functions were looked at`);
  assert.equal(allScripts, false);
});

test('who has sent a function is ready', () => {
  assert.deepEqual(counted('inline'), { looks: 1, allScripts: false });
});
