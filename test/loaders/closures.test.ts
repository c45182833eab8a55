import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle, ROOT, runIn, tool, withProject } from './loaders-support.js';

const SCRIPT = readFileSync(join(ROOT, 'examples/closures.ts'), 'utf8');
const EXPECTED = 'one.txt 348\ntwo.md 480\nthree.ts 164\none.txt 348, one of 3\n';
const STRIPS_TYPES = Boolean((process.features as { typescript?: unknown }).typescript);
const FETCHED = existsSync(tool('tsx')) ? false : 'npm run test:loaders fetches the tools';
const PACKAGE = '{ "type": "module" }';

test('examples/closures.ts as it is', { skip: STRIPS_TYPES ? false : 'this Node does not strip types' }, () =>
  withProject({ 'closures.ts': SCRIPT, 'package.json': PACKAGE }, async (project) => {
    const { stdout, stderr } = await runIn(project, ['--no-warnings', 'closures.ts']);
    assert.equal(stdout, EXPECTED, stderr);
  }),
);

for (const [name, options] of Object.entries({
  'without types': ['--external:multiproc', '--external:node:*'],
  bundled: ['--external:multiproc'],
  'bundled with the library': [],
  'bundled with the library and minified': ['--minify'],
})) {
  test(`examples/closures.ts ${name}`, () =>
    withProject({ 'closures.ts': SCRIPT }, async (project) => {
      bundle(project, 'closures.ts', 'out.mjs', '--format=esm', ...options);
      const { stdout, stderr } = await runIn(project, ['out.mjs']);
      assert.equal(stdout, EXPECTED, stderr);
    }));
}

test('examples/closures.ts under tsx', { skip: FETCHED }, () =>
  withProject({ 'closures.ts': SCRIPT, 'package.json': PACKAGE }, async (project) => {
    const { stdout, stderr } = await runIn(project, ['--import', tool('tsx/dist/loader.mjs'), 'closures.ts']);
    assert.equal(stdout, EXPECTED, stderr);
  }),
);

test('examples/closures.ts inside a vitest test', { skip: FETCHED || (!STRIPS_TYPES && 'a child cannot load .ts files') }, () => {
  const [imports = '', body = ''] = SCRIPT.split(/\n\n(?=const weights)/);
  const text = `${imports}\nimport { test } from 'vitest';\ntest('closures', async () => {\n${body}\n});\n`;
  return withProject({ 'closures.test.ts': text, 'package.json': PACKAGE }, async (project) => {
    symlinkSync(tool('vitest'), join(project, 'node_modules/vitest'));
    const { stdout, stderr } = await runIn(project, [
      tool('vitest/vitest.mjs'),
      'run',
      '--disable-console-intercept',
      '--no-color',
    ]);
    assert.ok(stdout.includes(EXPECTED), stdout + stderr);
  });
});
