import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('Of many children of the fork server, some killed, each gives what it must or the exit code that it must', () => {
  const program = fileURLToPath(new URL('./forkserver-soak.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--children', '40', '--seed', '7'], {
    encoding: 'utf8',
    timeout: 110_000,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, / 0 bad\n/);
});
