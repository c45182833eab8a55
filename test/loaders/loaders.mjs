// Every way to run a user's program that the matrix knows, and how to run the cases that way.
//
// A loader is a name, the `kind` of fixture it takes, and how Node is called: `flags` before the main script, or all `args`;
// `prepare` may make another main script. `from` is the first line of Node that can do it, `tools` whether it needs what
// tools.mjs fetches, `expected` what the cases give where it is not `EXPECTED`, `only` the cases that it can do at all.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeVariant } from '../fixtures/functions/variants.mjs';
import { installInto, tool } from './tools.mjs';

const HARNESS = process.env.MULTIPROC_HARNESS;
const ENGINE_HARNESS = fileURLToPath(new URL('../fixtures/functions/executor-harness.mjs', import.meta.url));
const ATTACH = fileURLToPath(new URL('./attach-debugger.mjs', import.meta.url));
const ESBUILD = fileURLToPath(new URL('../../node_modules/esbuild/bin/esbuild', import.meta.url));
const DEADLINE_MS = 90_000;

/** What each case must give. */
export const EXPECTED = {
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
/** In a bundle the imported module is a part of the main script, and travels by value. */
const BUNDLED = { ...EXPECTED, imports: [2, 'b.c', 2, false] };
/** What needs no inspection. */
const EXPORTS_ONLY = ['exported', 'default', 'static'];
/** Stands for the option that lets esbuild find the harness, and the library with it. */
const INSIDE = '--inside';
/** The line that the cases print. */
const RESULTS = /\{"exported".*\}(?=\r?\n)/;
const PERMISSIONS = ['--permission', '--allow-fs-read=*', '--allow-child-process', '--allow-addons'];

export const LOADERS = [
  { name: 'ES modules', kind: 'esm' },
  { name: 'CommonJS', kind: 'cjs' },
  { name: 'type stripping', kind: 'ts', from: 22 },
  { name: 'node --input-type=module -e', kind: 'esm', args: ({ main }) => ['--input-type=module', '-e', read(main)] },
  { name: 'node -e', kind: 'cjs', args: ({ main }) => ['-e', read(main)] },
  { name: 'node - (stdin)', kind: 'cjs', args: () => ['-'], input: ({ main }) => read(main) },
  { name: 'REPL', kind: 'cjs', args: () => ['-i'], input: ({ main }) => read(main), interactive: true },
  {
    name: 'worker_threads',
    kind: 'esm',
    args: ({ main }) => ['-e', `new (require('worker_threads').Worker)(${JSON.stringify(main)})`],
  },
  { name: 'tsx ESM', kind: 'ts', tools: true, flags: ['--import', tool('tsx/dist/loader.mjs')] },
  { name: 'tsx CommonJS', kind: 'cts', tools: true, flags: ['--import', tool('tsx/dist/loader.mjs')] },
  {
    name: 'ts-node CommonJS',
    kind: 'cts',
    tools: true,
    flags: ['-r', tool('ts-node/register/transpile-only.js')],
    prepare: (context) => withTsConfig(context, { module: 'commonjs', esModuleInterop: true }),
  },
  {
    name: 'ts-node ESM',
    kind: 'ts',
    tools: true,
    flags: ['--no-warnings', '--loader', 'ts-node/esm/transpile-only'],
    prepare: (context) =>
      withTsConfig(context, { module: 'nodenext', moduleResolution: 'nodenext', allowImportingTsExtensions: true, noEmit: true }),
  },
  ...bundles('esbuild', ['--format=esm', '--external:multiproc'], ['', '--minify', '--minify --keep-names']),
  ...bundles('esbuild, library inside', ['--format=esm', INSIDE], ['', '--minify', '--minify --keep-names']),
  ...bundles(
    'esbuild CommonJS, library inside',
    ['--format=cjs', INSIDE, '--log-override:empty-import-meta=silent'],
    ['', '--minify'],
  ),
  ...['forks', 'threads', 'vmForks', 'vmThreads'].map((pool) => vitest(`vitest ${pool}`, [`--pool=${pool}`])),
  {
    ...vitest('vitest forks with tsx', ['--pool=forks']),
    from: 20,
    env: () => ({ NODE_OPTIONS: `--import ${tool('tsx/dist/loader.mjs')}` }),
  },
  vitest('vitest coverage v8', ['--coverage.enabled', '--coverage.provider=v8']),
  vitest('vitest coverage istanbul', ['--coverage.enabled', '--coverage.provider=istanbul']),
  {
    name: 'jest',
    kind: 'cjs',
    tools: true,
    isTest: true,
    prepare: (context) => testFile(context, ''),
    args: ({ main, folder }) => ['--experimental-vm-modules', tool('jest/bin/jest.js'), '--rootDir', folder, main],
  },
  { name: 'nyc', kind: 'cjs', tools: true, args: ({ main, node }) => [tool('nyc/bin/nyc.js'), '--silent', node, main] },
  { ...nodeTest('node --test', ['--test']) },
  { ...nodeTest('node --test, one process', ['--test', '--test-isolation=none']), from: 24 },
  { name: '--inspect', kind: 'esm', flags: ['--inspect=0'] },
  {
    name: '--inspect-brk, debugger attached',
    kind: 'esm',
    command: process.execPath,
    args: ({ node, main }) => ['--experimental-websocket', '--no-warnings', ATTACH, node, main],
  },
  { name: 'V8 coverage', kind: 'esm', env: (folder) => ({ NODE_V8_COVERAGE: join(folder, 'coverage') }) },
  { name: '--disallow-code-generation', kind: 'esm', flags: ['--disallow-code-generation-from-strings'] },
  { name: '--permission --allow-inspector', kind: 'esm', from: 24, flags: [...PERMISSIONS, '--allow-inspector'] },
  { name: '--permission', kind: 'esm', from: 22, flags: PERMISSIONS, only: EXPORTS_ONLY },
];

/** Runs the cases under one loader; gives each case's result, or what went wrong as `failure`. */
export async function runLoader(loader, node) {
  const folder = mkdtempSync(join(tmpdir(), 'multiproc-loaders-'));
  try {
    installInto(folder, { tools: loader.tools ?? false });
    const context = { node, folder, main: writeVariant(folder, loader.kind), harness: HARNESS ?? join(folder, 'harness.mjs') };
    if (HARNESS === undefined) copyFileSync(ENGINE_HARNESS, context.harness);
    context.results = `${context.main}.json`;
    context.main = (await loader.prepare?.(context)) ?? context.main;
    const { stdout, stderr } = await run(
      loader.command ?? node,
      loader.args?.(context) ?? [...(loader.flags ?? []), context.main],
      {
        folder,
        env: { MULTIPROC_HARNESS: context.harness, ...loader.env?.(folder) },
        input: loader.input?.(context),
        interactive: loader.interactive ?? false,
      },
    );
    const found = loader.isTest ? existsSync(context.results) && read(context.results) : RESULTS.exec(stdout)?.[0];
    return found ? JSON.parse(found) : { failure: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The names of the cases that gave something else. */
export function wrongCases(results, { expected = EXPECTED, only = Object.keys(expected) }) {
  return only.filter((name) => JSON.stringify(results[name]) !== JSON.stringify(expected[name]));
}

function vitest(name, options) {
  return {
    name,
    kind: 'ts',
    tools: true,
    isTest: true,
    from: 22,
    prepare: (context) => testFile(context, 'import { test } from "vitest";'),
    args: ({ main }) => [tool('vitest/vitest.mjs'), 'run', ...options, main],
  };
}

function nodeTest(name, options) {
  return {
    name,
    kind: 'esm',
    isTest: true,
    prepare: (context) => testFile(context, 'import { test } from "node:test";'),
    args: ({ main }) => [...options, main],
  };
}

function bundles(name, options, variants) {
  return variants.map((variant) => ({
    name: `${name} ${variant}`.trim(),
    kind: 'esm',
    expected: BUNDLED,
    async prepare({ main, folder, harness }) {
      const out = join(folder, options.includes('--format=cjs') ? 'bundle.cjs' : 'bundle.mjs');
      const given = options.map((option) =>
        option === INSIDE ? `--define:process.env.MULTIPROC_HARNESS=${JSON.stringify(harness)}` : option,
      );
      const args = [main, '--bundle', '--platform=node', ...given, ...variant.split(' ').filter(Boolean), `--outfile=${out}`];
      const { stdout, stderr, code } = await run(ESBUILD, [...args, '--log-level=warning'], { folder });
      if (code !== 0) throw new Error(stdout + stderr);
      return out;
    },
  }));
}

/** Makes a test file out of the main script; its results go to a file. */
function testFile({ main, results }, head) {
  const file = main.replace(/cases\.(\w+)$/, (_, extension) => `cases.test.${extension === 'cjs' ? 'js' : extension}`);
  const write = `(await import('node:fs')).writeFileSync(${JSON.stringify(results)}, JSON.stringify(results))`;
  const text = read(main)
    .replace(/^void main\(\);$/m, '')
    .replace(/console\.log\(JSON\.stringify\(results\)\)/, write);
  const limit = head.includes('node:test') ? '' : ', 60_000';
  writeFileSync(file, `${head}\n${text}\ntest('cases', () => main()${limit});\n`);
  return file;
}

function withTsConfig({ main, folder }, compilerOptions) {
  const options = { target: 'es2022', skipLibCheck: true, types: [], ...compilerOptions };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
  return main;
}

function read(file) {
  return readFileSync(file, 'utf8');
}

/** An interactive program gets its input, and its end only when it has printed the results. */
function run(command, args, { folder, env = {}, input = '', interactive = false }) {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...inherited } = process.env;
  const child = spawn(command, args, { cwd: folder, env: { ...inherited, ...env }, timeout: DEADLINE_MS, killSignal: 'SIGKILL' });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
      if (interactive && RESULTS.test(output.stdout)) child.stdin.end('.exit\n');
    });
  }
  child.stdin.on('error', () => undefined);
  if (interactive) child.stdin.write(input);
  else child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...output, code: code ?? signal }));
  });
}
