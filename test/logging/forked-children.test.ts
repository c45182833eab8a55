/**
 * The log of children that are copies of a fork server, which has loaded all that they need to log before they have a parent to log to.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { leavesNothing } from '../support/census.js';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/logging/copies-that-log.mjs', import.meta.url));

test(
  'children of a program’s fork server log as others do: LogTape, the console and warnings',
  leavesNothing(async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM], { timeout: 60_000 });
    const { seen } = JSON.parse(stdout) as { seen: string[] };
    const ofOne = ['app: of LogTape', 'console: of the console', 'process.warning: Warning: careful'];
    assert.deepEqual(seen, [...ofOne, ...ofOne, 'app: of the parent']);
    assert.equal(stderr, '');
  }),
);
