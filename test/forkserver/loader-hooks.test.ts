import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import module from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../../test/fixtures/forkserver/says-who-forked.mjs', import.meta.url));
const script = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

const HARMLESS = script('globalThis.hooked = true');
const PASS_ON = script('export const resolve = (specifier, context, next) => next(specifier, context)');
const IN_A_THREAD = script(
  `import module from 'node:module'; globalThis.hooked = true; module.register(${JSON.stringify(PASS_ON)})`,
);
const HERE = script(`
  import module from 'node:module';
  globalThis.hooked = true;
  module.registerHooks({ resolve: (specifier, context, next) => next(specifier, context) })`);
const A_WORKER = script(`
  import { Worker } from 'node:worker_threads';
  globalThis.hooked = true;
  new Worker('setInterval(() => {}, 1000)', { eval: true }).unref()`);

async function run(flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  const options = { env: { ...rest, ...env }, timeout: 90_000 };
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program], options);
  return JSON.parse(stdout);
}

const FORKED = { forked: true, value: 42, hooked: true };
const STOOD_BY = { forked: false, value: 42, hooked: true };

test('A program with a harmless --import has a fork server', async () => {
  assert.deepEqual(await run(['--import', HARMLESS]), FORKED);
  assert.deepEqual(await run([], { NODE_OPTIONS: `--import ${HARMLESS}` }), FORKED);
  assert.deepEqual(await run(['--import', HARMLESS], { UV_THREADPOOL_SIZE: '9' }), FORKED);
});

test('A program whose loader hooks have a thread gets standbys, and its hooks work', async () => {
  assert.deepEqual(await run(['--import', IN_A_THREAD]), STOOD_BY);
  assert.deepEqual(await run(['--loader', PASS_ON]), { ...STOOD_BY, hooked: false });
});

test('A program whose --import starts a thread gets standbys', async () => {
  assert.deepEqual(await run(['--import', A_WORKER]), STOOD_BY);
});

test('A program whose loader hooks have no thread has a fork server', {
  skip: 'registerHooks' in module ? false : 'this node has no such hooks',
}, async () => {
  assert.deepEqual(await run(['--import', HERE]), FORKED);
});
