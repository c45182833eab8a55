import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean, program } from './process-support.js';

const [major = 0] = process.versions.node.split('.').map(Number);

for (const flag of ['--frozen-intrinsics', '--experimental-default-type=module', '--disable-proto=throw', '--stack-size=500']) {
  test(
    `Workers, errors with their classes, threads and fork servers work as ever with ${flag}`,
    { skip: flag.endsWith('-type=module') && major > 22 && 'no flag of this Node' },
    clean(async (t) => {
      const end = await program(t, 'node-flags.mjs', [], { flags: [flag, '--no-warnings'] }).end();
      assert.deepEqual(end, { code: 0, stdout: '[[true,true,true],42,"forked","thread"]\n', stderr: '' });
    }),
  );
}

test(
  'Without addons the error says which flag is in the way',
  clean(async (t) => {
    const end = await program(t, 'node-flags.mjs', [], { flags: ['--no-addons'] }).end();
    assert.deepEqual([end.code, end.stdout], [1, '']);
    assert.match(end.stderr, /Error: Cannot .*run node without --no-addons$/m);
  }),
);
