/**
 * Python's tests of how a main program is found again in its children: here it need not be, and works all the same.
 *
 * Runs in the test process.
 */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { clean, folder, Program } from './process-support.js';

/** Has a function, a class and a constant of its own, and says at each run that it runs; no guard. */
const MODULE = `import { Process, Pool } from 'multiproc';
console.log('main runs');
const factor = 7;
class Point { constructor(x) { this.x = x; } times(n) { return new Point(this.x * n); } }
function scale(point) { return point.times(factor); }
const child = new Process({ target: scale, args: [new Point(6)] });
await child.start();
const point = await child.result();
console.log(point instanceof Point, point.x, child.exitCode);
const pool = new Pool(2);
console.log((await pool.map(scale, [new Point(1), new Point(2)])).map(({ x }) => x).join());
pool.close();
await pool.join();
`;
const COMMON = `${MODULE.replace(/import (.*) from 'multiproc';\n/, "const load = import('multiproc');\n").replace(
  'const child',
  'void (async () => {\nconst { Process, Pool } = await load;\nconst child',
)}})();\n`;
const COMPILED = transformSync(MODULE, { minify: true, format: 'esm', target: 'node20', sourcemap: 'inline' }).code;

const mains: readonly { how: string; ported: string; files: Record<string, string>; run: readonly string[] }[] = [
  {
    how: 'a script',
    ported: '[MultiProcessingCmdLineMixin.test_basic_script]',
    files: { 'script.mjs': MODULE },
    run: ['script.mjs'],
  },
  {
    how: 'a CommonJS script',
    ported: '[MultiProcessingCmdLineMixin.test_basic_script]',
    files: { 'script.cjs': COMMON },
    run: ['script.cjs'],
  },
  {
    how: 'a script without a suffix',
    ported: '[MultiProcessingCmdLineMixin.test_basic_script_no_suffix]',
    files: { script: COMMON },
    run: ['script'],
  },
  {
    how: 'a script without a suffix in a package of modules',
    ported: '[MultiProcessingCmdLineMixin.test_basic_script_no_suffix]',
    files: { 'package.json': '{"type":"module"}', script: MODULE },
    run: ['./script'],
  },
  {
    how: 'a compiled, minified script',
    ported: '[MultiProcessingCmdLineMixin.test_script_compiled]',
    files: { 'out.mjs': COMPILED },
    run: ['out.mjs'],
  },
  { how: 'a directory', ported: '[MultiProcessingCmdLineMixin.test_directory]', files: { 'app/index.js': COMMON }, run: ['app'] },
  {
    how: 'a module in a package',
    ported: '[MultiProcessingCmdLineMixin.test_module_in_package]',
    files: { 'node_modules/app/package.json': '{"type":"module"}', 'node_modules/app/sub/main.js': MODULE },
    run: ['node_modules/app/sub/main.js'],
  },
  {
    how: 'a package, by its main',
    ported: '[MultiProcessingCmdLineMixin.test_package]',
    files: { 'app/package.json': '{"type":"module","main":"lib/main.js"}', 'app/lib/main.js': MODULE },
    run: ['app'],
  },
];

for (const { how, ported, files, run } of mains) {
  test(
    `The main program may be ${how}: it runs once, without a guard, and its functions and classes run in children  ${ported} [TestNoForkBomb.test_noforkbomb] [B-02, B-03, fault 78]`,
    clean(async (t) => {
      const place = folder(t);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(join(place, path, '..'), { recursive: true });
        writeFileSync(join(place, path), text);
      }
      mkdirSync(join(place, 'node_modules'), { recursive: true });
      symlinkSync(fileURLToPath(new URL('../../', import.meta.url)), join(place, 'node_modules/multiproc'));
      const main = new Program(t, 'sh', ['-c', 'cd "$0" && exec "$@"', place, process.execPath, ...run]);
      assert.deepEqual(await main.end(), { code: 0, stdout: 'main runs\ntrue 42 0\n7,14\n', stderr: '' });
    }),
  );
}
