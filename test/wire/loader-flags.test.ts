import assert from 'node:assert/strict';
import test from 'node:test';
import { childNodeOptions, execArgvForChild } from '#src/wire/loader-flags.js';

test('execArgvForChild() keeps loaders, limits and permissions', () => {
  const kept = [
    '--import',
    'tsx',
    '--require=./a.cjs',
    '-r',
    './b.cjs',
    '--loader',
    'x',
    '--experimental-vm-modules',
    '--max-old-space-size=100',
    '--conditions',
    'development',
    '--permission',
    '--allow-fs-read=*',
    '--enable-source-maps',
  ];
  assert.deepEqual(execArgvForChild(kept), kept);
});

test('execArgvForChild() drops the inspector, evaluated text, runners and profilers', () => {
  const dropped = [
    '--inspect',
    '--inspect-brk=0',
    '-e',
    'code()',
    '--eval=code',
    '-p',
    '1',
    '--print',
    '2',
    '--input-type',
    'module',
    '--input-type=module',
    '--test',
    '--test-name-pattern',
    'x',
    '--test-reporter=dot',
    '--watch',
    '--watch-path',
    '.',
    '--check',
    '-i',
    '--cpu-prof',
    '--cpu-prof-dir',
    '/tmp',
    '--debug-port=1',
  ];
  assert.deepEqual(execArgvForChild(dropped), []);
  assert.deepEqual(execArgvForChild(['--test-reporter', 'dot', '--import', 'tsx', '-e', '--stop']), ['--import', 'tsx']);
});

test('childNodeOptions() takes the inspector out', () => {
  assert.equal(childNodeOptions({}), undefined);
  assert.equal(childNodeOptions({ NODE_OPTIONS: '--inspect=0' }), undefined);
  assert.equal(
    childNodeOptions({ NODE_OPTIONS: '--inspect-brk --import "a b" --max-old-space-size=50' }),
    '--import "a b" --max-old-space-size=50',
  );
});
