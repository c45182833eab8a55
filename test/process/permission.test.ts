import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean, program } from './process-support.js';

const ON = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';

for (const [missing, given] of [
  ['--allow-addons', []],
  ['--allow-child-process', ['--allow-addons']],
] as const) {
  test(
    `Under the permission model an error names the flag that is missing: ${missing}  [fault 82]`,
    clean(async (t) => {
      const end = await program(t, 'permission.mjs', [], { flags: [ON, '--no-warnings', '--allow-fs-read=*', ...given] }).end();
      assert.deepEqual([end.code, end.stdout], [1, '']);
      assert.match(end.stderr, new RegExp(`Error: Cannot .*run node with ${missing}$`, 'm'));
    }),
  );
}

test(
  'Under the permission model a child has the rights of its parent, no more  [fault 82]',
  clean(async (t) => {
    const flags = [ON, '--no-warnings', '--allow-fs-read=*', '--allow-addons', '--allow-child-process'];
    const end = await program(t, 'permission.mjs', [], { flags }).end();
    assert.deepEqual(end, { code: 0, stdout: 'rights=[false,true,true]\n', stderr: '' });
  }),
);
