// `npm run test:loaders`: the cases of test/fixtures/functions under every loader and runner that is there, as a table.
// Needs a build. Node binaries: MULTIPROC_NODES (paths, comma-separated; default: the running one).
// Tools: MULTIPROC_TOOLS, a folder whose node_modules may have tsx, ts-node + typescript, esbuild, vitest, jest.
// MULTIPROC_HARNESS: the module that starts children (default: the harness of the fixtures).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeVariant } from '../fixtures/functions/variants.mjs';

const nodes = (process.env.MULTIPROC_NODES ?? process.execPath).split(',');
const tools = process.env.MULTIPROC_TOOLS === undefined ? '' : join(process.env.MULTIPROC_TOOLS, 'node_modules');
const harness = process.env.MULTIPROC_HARNESS ?? fileURLToPath(new URL('../fixtures/functions/harness.mjs', import.meta.url));

/** What each case must give; in a bundle the imported module is a part of the main script, and travels by value. */
const EXPECTED = {
  exported: 2,
  default: 6,
  hidden: 103,
  factory: [10, 15, 20],
  nested: 120,
  class: 'number',
  secretClass: 'base5',
  static: 7,
  pure: 42,
  capturing: 11,
  imports: [2, 'b.c', 2, true],
  mainHelper: 42,
  mainClass: [14, 15],
  capturedLocal: 19,
  mutual: true,
  'unexported in list': 9,
  'ran once': 'undefined',
  'import()': 42,
  identity: [true, true, true],
  async: 'later',
  method: 8,
};
const BUNDLED = { ...EXPECTED, imports: [2, 'b.c', 2, false] };
const NO_INSPECTOR = ['exported', 'default', 'static'];
const tool = (path) => (existsSync(join(tools, path)) ? join(tools, path) : undefined);
const tsx = tool('tsx/dist/loader.mjs');
const tsNode = tool('ts-node/register/transpile-only.js');
const esbuild = tool('esbuild/bin/esbuild');

const loaders = [
  { name: 'ESM', kind: 'esm' },
  { name: 'CommonJS', kind: 'cjs' },
  { name: 'type stripping', kind: 'ts', from: 22 },
  { name: 'tsx ESM', kind: 'ts', flags: ['--import', tsx], needs: tsx },
  { name: 'tsx CommonJS', kind: 'cts', flags: ['--import', tsx], needs: tsx },
  {
    name: 'ts-node CommonJS',
    kind: 'cts',
    flags: ['-r', tsNode],
    needs: tsNode,
    prepare(main) {
      const compilerOptions = { module: 'commonjs', target: 'es2022', esModuleInterop: true, skipLibCheck: true, types: [] };
      writeFileSync(join(main, '../tsconfig.json'), JSON.stringify({ compilerOptions }));
      return main;
    },
  },
  ...['', '--minify', '--minify --keep-names'].map((options) => ({
    name: `esbuild ${options}`.trim(),
    kind: 'esm',
    needs: esbuild,
    expected: BUNDLED,
    prepare(main) {
      const out = main.replace(/cases\.mjs$/, 'bundle.mjs');
      run(esbuild, [
        main,
        '--bundle',
        '--platform=node',
        '--format=esm',
        ...options.split(' ').filter(Boolean),
        `--outfile=${out}`,
      ]);
      return out;
    },
  })),
  { name: 'vitest forks', kind: 'ts', from: 22, needs: tool('vitest/vitest.mjs'), run: vitest('forks') },
  { name: 'vitest threads', kind: 'ts', from: 22, needs: tool('vitest/vitest.mjs'), run: vitest('threads') },
  { name: 'jest', kind: 'cjs', needs: tool('jest/bin/jest.js'), run: jest },
  {
    name: 'node --test',
    kind: 'esm',
    run: (node, main) => readResult(node, ['--test', wrap(main, 'import { test } from "node:test";')], main),
  },
  { name: '--inspect', kind: 'esm', flags: ['--inspect=0'] },
  { name: 'V8 coverage', kind: 'esm', env: (folder) => ({ NODE_V8_COVERAGE: join(folder, 'coverage') }) },
  { name: 'no eval', kind: 'esm', flags: ['--disallow-code-generation-from-strings'] },
  {
    name: '--permission --allow-inspector',
    kind: 'esm',
    from: 24,
    flags: ['--permission', '--allow-inspector', '--allow-fs-read=*', '--allow-child-process'],
  },
  {
    name: '--permission',
    kind: 'esm',
    from: 22,
    flags: ['--permission', '--allow-fs-read=*', '--allow-child-process'],
    only: NO_INSPECTOR,
  },
];

let failed = false;
const table = [['loader', ...nodes.map((node) => run(node, ['-v']).stdout.trim())]];
for (const loader of loaders) {
  const row = [loader.name];
  for (const [index, node] of nodes.entries()) row.push(cell(loader, node, Number(/\d+/.exec(table[0][index + 1])?.[0])));
  table.push(row);
}
for (const row of table) console.log(row.map((text, i) => text.padEnd(i === 0 ? 32 : 12)).join(''));
process.exitCode = failed ? 1 : 0;

function cell(loader, node, major) {
  if (('needs' in loader && loader.needs === undefined) || major < (loader.from ?? 20)) return '–';
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-loaders-'));
  try {
    if (tools !== '') symlinkSync(tools, join(folder, 'node_modules'));
    const written = writeVariant(folder, loader.kind);
    const main = loader.prepare?.(written) ?? written;
    const env = loader.env?.(folder) ?? {};
    const results =
      loader.run === undefined ? parse(run(node, [...(loader.flags ?? []), main], { env, cwd: folder })) : loader.run(node, main);
    return verdict(results, loader);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdict(results, { name, expected = EXPECTED, only = Object.keys(expected) }) {
  const wrong = only.filter((key) => JSON.stringify(results[key]) !== JSON.stringify(expected[key]));
  if (results.failure !== undefined) console.error(`${name}: ${results.failure}`);
  else for (const key of wrong) console.error(`${name}: ${key}: ${JSON.stringify(results[key])}`);
  failed ||= wrong.length > 0;
  return `${only.length - wrong.length}/${Object.keys(expected).length}`;
}

function vitest(pool) {
  return (node, main) =>
    readResult(node, [tool('vitest/vitest.mjs'), 'run', `--pool=${pool}`, wrap(main, 'import { test } from "vitest";')], main);
}

function jest(node, main) {
  return readResult(
    node,
    ['--experimental-vm-modules', tool('jest/bin/jest.js'), '--rootDir', join(main, '..'), wrap(main, '')],
    main,
  );
}

/** Makes a test file out of the main script; its results go to a file. */
function wrap(main, head) {
  const file = main.replace(/cases\.(\w+)$/, (_, extension) => `cases.test.${extension === 'cjs' ? 'js' : extension}`);
  const text = readFileSync(main, 'utf8').replace(/^void main\(\);$/m, '');
  const write = `(await import('node:fs')).writeFileSync(${JSON.stringify(`${main}.json`)}, JSON.stringify(results))`;
  writeFileSync(
    file,
    `${head}\n${text.replace(/console\.log\(JSON\.stringify\(results\)\)/, write)}\ntest('cases', () => main(), 60_000);\n`.replace(
      /, 60_000(?=\);\n$)/,
      head.includes('node:test') ? '' : ', 60_000',
    ),
  );
  return file;
}

function readResult(node, args, main) {
  const { stdout, stderr } = run(node, args, { cwd: join(main, '..') });
  return existsSync(`${main}.json`) ? JSON.parse(readFileSync(`${main}.json`, 'utf8')) : { failure: stdout + stderr };
}

function run(command, args, { env = {}, cwd = tmpdir() } = {}) {
  mkdirSync(cwd, { recursive: true });
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...rest } = process.env;
  return spawnSync(command, args, {
    encoding: 'utf8',
    cwd,
    timeout: 120_000,
    env: { ...rest, ...env, MULTIPROC_HARNESS: harness },
  });
}

function parse({ stdout, stderr }) {
  try {
    return JSON.parse(stdout);
  } catch {
    return { failure: stdout + stderr };
  }
}
