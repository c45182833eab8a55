import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkDevShm } from '#src/cli/check-dev-shm.js';
import { leavesNothing } from '../support/census.js';
import { run } from './run-command.js';

interface Report {
  readonly ok: boolean;
  readonly findings: { readonly name: string; readonly status: string; readonly detail: string; readonly advice?: string }[];
}

test(
  'multiproc doctor passes on this machine, as text and as JSON',
  leavesNothing(async () => {
    const text = await run(['doctor']);
    assert.match(text.stdout, /^ok {4}native addon .*\.node$/m);
    assert.match(text.stdout, /^(ok {4}|warn {2})process start .* ms to the first answer/m);
    assert.match(text.stdout, /^ok {4}forkserver +(truly forks|keeps a process ready)/m);
    assert.match(text.stdout, /This machine can run everything/);
    assert.deepEqual([text.code, text.stderr], [0, '']);
    const report = JSON.parse((await run(['doctor', '--json'])).stdout) as Report;
    assert.equal(report.ok, true);
    for (const { status, detail } of report.findings) assert.ok(/^(ok|warn)$/.test(status) && detail !== '');
    assert.ok(report.findings.some(({ name }) => name === 'shared memory'));
  }),
);

test(
  'multiproc doctor says what is wrong and what to do, and exits with 1',
  leavesNothing(async () => {
    // A fault-injection binary that does not exist stands for an addon that was not built.
    const { code, stdout } = await run(['doctor', '--json'], {
      env: { MULTIPROC_FAULT: 'none', MULTIPROC_FAULT_BINARY: '/nowhere' },
    });
    const report = JSON.parse(stdout) as Report;
    assert.equal(code, report.ok ? 0 : 1);
    const slow = await run(['doctor'], { env: { NODE_OPTIONS: '--require=node:path' } });
    assert.match(slow.stdout, /^warn {2}NODE_OPTIONS .*\n +→ it applies to every worker/m);
  }),
);

test('multiproc doctor looks whether named shared memory can be made, not only whether its folder is there', (t) => {
  assert.match(checkDevShm('/proc').detail, /^cannot be written: .*ENOENT/); // as a folder that is mounted read-only: nobody can
  assert.deepEqual([checkDevShm('/proc').status, checkDevShm('/nonexistent').detail], ['warn', 'missing']);
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-shm-'));
  t.after(() => rmdirSync(folder)); // it is empty again
  assert.match(checkDevShm(folder).detail, / free$/);
});
