import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { leavesNothing } from '../support/census.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs one of our scripts in a small tree of its own; `.test.js` files stand for compiled ones. */
function runIn(
  t: TestContext,
  files: Record<string, string>,
  ...[script, ...args]: string[]
): { status: number | null; text: string } {
  const folder = mkdtempSync(join(tmpdir(), 'scripts-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ['scripts', 'dist-test/support']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  const sources = Object.keys(files).map((path) => [path.replace(/^dist-test(.*)\.js$/, 'test$1.ts'), ''] as const);
  for (const [path, text] of [...sources, ...Object.entries(files)]) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const env: NodeJS.ProcessEnv = { ...process.env, MULTIPROC_TEST_SILENCE_MS: '4000' };
  delete env['NODE_TEST_CONTEXT']; // else node:test takes the inner run for a part of this one
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'scripts', script ?? ''), ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

const importing = (body: string): string =>
  `import { test } from 'node:test'; import { spawn } from 'node:child_process';\n${body}`;

test(
  'npm test passes when all tests pass, and runs only the files that were asked for',
  leavesNothing((t) => {
    const files = {
      'dist-test/wire/good.test.js': importing(`test('good', () => {});`),
      'dist-test/pool/bad.test.js': importing(`test('bad', () => { throw new Error('bad'); });`),
      'dist-test/fixtures/also-bad.test.js': importing(`test('also bad', () => { throw new Error('bad'); });`),
    };
    const one = runIn(t, files, 'test.js', 'wire');
    assert.equal(one.status, 0, one.text);
    assert.match(one.text, /ℹ tests 1\n[^]*ℹ pass 1\n/);
    const all = runIn(t, files, 'test.js');
    assert.equal(all.status, 1);
    assert.match(all.text, /ℹ tests 2\n[^]*ℹ fail 1\n[^]*ℹ duration_ms [\d.]+\n$/, 'the summary is last');
  }),
);

test(
  'npm test fails when nothing ran',
  leavesNothing((t) => {
    assert.match(runIn(t, {}, 'test.js').text, /No tests found/);
    assert.equal(runIn(t, {}, 'test.js').status, 1);
    const empty = runIn(t, { 'dist-test/empty.test.js': '' }, 'test.js');
    assert.equal(empty.status, 1);
    assert.match(empty.text, /There is no test in empty\.test\.js/);
  }),
);

test(
  'npm test kills a file that hangs, saying what it does, and goes on with the next',
  leavesNothing((t) => {
    const { status, text } = runIn(
      t,
      {
        'dist-test/a-busy.test.js': importing(`test('busy', () => { for (;;); });`),
        'dist-test/b-good.test.js': importing(`test('good', () => {});`),
      },
      'test.js',
    );
    assert.equal(status, 1);
    assert.match(text, /these processes are killed:\nprocess \d+ .*a-busy\.test\.js\n(?: {2}.*\n)*? {2}1 × .*: R/);
    assert.match(text, /✔ good/);
  }),
);

test(
  'npm test fails when a test leaves an orphan, and kills it',
  leavesNothing((t) => {
    const orphan = importing(`test('orphan', () => spawn('sleep', ['60'], { stdio: 'ignore', detached: true }).unref());`);
    const { status, text } = runIn(t, { 'dist-test/orphan.test.js': orphan }, 'test.js');
    assert.equal(status, 1);
    assert.match(text, /Left behind by the tests, now killed:\nprocess \d+ .*: sleep 60/);
  }),
);

test(
  'the layer check accepts imports that point down',
  leavesNothing((t) => {
    const files = {
      'src/errors.ts': '',
      'src/wire/codec.ts': `import { x } from '../errors.js';\nimport './tag.js';`,
      'src/wire/tag.ts': '',
    };
    assert.deepEqual(runIn(t, files, 'check-layers.js'), { status: 0, text: '3 files, all imports point down\n' });
  }),
);

test(
  'the layer check names imports that point up or sideways, unknown layers, and platform knowledge above the substrate',
  leavesNothing((t) => {
    const { status, text } = runIn(
      t,
      {
        'src/wire/codec.ts': `import type { Arena } from '../substrate/arena.js';\nexport * from '../pool/pool.js';`,
        'src/pool/pool.ts': `await import('../native/binding.js');`,
        'src/utils/misc.ts': '',
      },
      'check-layers.js',
    );
    assert.equal(status, 1);
    assert.match(text, /src\/wire\/codec\.ts: imports src\/substrate\/arena\.ts, but 'substrate' stands beside 'wire'/);
    assert.match(text, /src\/wire\/codec\.ts: imports src\/pool\/pool\.ts, but 'pool' stands above 'wire'/);
    assert.match(text, /src\/pool\/pool\.ts: imports src\/native\/binding\.ts, but only native, substrate/);
    assert.match(text, /src\/utils\/misc\.ts: 'utils' is no layer/);
  }),
);
