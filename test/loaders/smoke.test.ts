import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOADERS, runLoader, wrongCases } from './loaders-support.js';

const LINE = Number(process.versions.node.split('.')[0]);
/** One of each kind that needs nothing but this Node; `npm run test:loaders` runs all, on all lines of Node. */
const SMOKE = [
  'ES modules',
  'CommonJS',
  'type stripping',
  'node --input-type=module -e',
  'node - (stdin)',
  'REPL',
  'worker_threads',
  'node --test',
  'esbuild, library inside --minify',
  'esbuild CommonJS, library inside',
  '--disallow-code-generation',
  '--permission',
];

for (const name of SMOKE) {
  const loader = LOADERS.find((each) => each.name === name);
  assert.ok(loader !== undefined, name);
  const skip = LINE < (loader.from ?? 20) ? `needs Node ${loader.from}` : false;
  test(`functions travel under ${name}`, { skip }, async () => {
    const results = await runLoader(loader, process.execPath);
    assert.equal(results['failure'], undefined);
    const wrong = wrongCases(results, loader).map((key) => [key, results[key]]);
    assert.deepEqual(wrong, []);
  });
}
