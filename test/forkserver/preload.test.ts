import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ForkServerProcess, ProcessError, setForkserverPreload } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';

/** What preloads leave. */
interface Marks {
  preloaded?: number;
  preloadedIn?: number;
  preloadedArgv?: string[];
}

const fixture = (name: string): string => new URL(`../../test/fixtures/forkserver/${name}`, import.meta.url).href;
const MARK = fixture('leaves-its-mark.mjs');
const MISSING = fixture('is-not-there.mjs');

const REFUSED = /Cannot preload 'file:.*preloads-itself\.mjs' in the fork server: Cannot start .*do that in a function/;

afterEach(() => setForkserverPreload([]));

async function inForked<R>(target: () => R): Promise<R> {
  const child = new ForkServerProcess<[], R>({ target, stdio: 'ignore' });
  await child.start();
  const result = await withDeadline(child.result(), 60_000, 'result of a forked child');
  await child.join();
  return result;
}

const marks = (): Marks => {
  const { preloaded, preloadedIn, preloadedArgv } = globalThis as Marks;
  return { preloaded, preloadedIn, preloadedArgv } as Marks;
};

test('A module that cannot be preloaded is ignored unless said otherwise; the others are loaded  [TestForkserverPreload.test_preload_on_error_ignore_default] [TestHandlePreload.test_handle_preload_module_on_error_ignore]', async () => {
  setForkserverPreload([MISSING, MARK]);
  assert.equal((await inForked(marks)).preloaded, 1);
  assert.deepEqual(forkserverState(), { variant: 'fork' });
});

test('onError "ignore" ignores what cannot be preloaded  [TestForkserverPreload.test_preload_on_error_ignore_explicit]', async () => {
  setForkserverPreload([MISSING], { onError: 'ignore' });
  assert.equal(await inForked(() => 'ran'), 'ran');
  assert.deepEqual(forkserverState(), { variant: 'fork' });
});

test('onError "warn" warns of what cannot be preloaded, and children run  [TestForkserverPreload.test_preload_on_error_warn] [TestHandlePreload.test_handle_preload_module_on_error_warn]', async () => {
  setForkserverPreload([MISSING], { onError: 'warn' });
  const warned = once(process, 'warning') as Promise<[Error]>;
  assert.equal(await inForked(() => 'ran'), 'ran');
  const [warning] = await withDeadline(warned, 10_000, 'the warning');
  assert.match(warning.message, /Cannot preload '.*is-not-there\.mjs' in the fork server/);
});

test('onError "fail" makes every start fail, until the preload is changed  [TestForkserverPreload.test_preload_on_error_fail_breaks_context] [TestHandlePreload.test_handle_preload_module_on_error_fail]', async () => {
  setForkserverPreload([MARK, MISSING], { onError: 'fail' });
  for (let i = 0; i < 2; i++) {
    const child = new ForkServerProcess({ target: () => {}, stdio: 'ignore' });
    await assert.rejects(
      withDeadline(child.start(), 60_000, 'start'),
      (error) => error instanceof ProcessError && /Cannot preload .*is-not-there\.mjs/.test(error.message),
    );
  }
  setForkserverPreload([MARK], { onError: 'fail' });
  assert.equal((await inForked(marks)).preloaded, 1);
});

test('Modules are loaded once, in the server, before its children  [TestForkserverPreload.test_preload_valid_modules_with_on_error_fail] [TestHandlePreload.test_handle_preload_combined]', async () => {
  setForkserverPreload([MARK, 'node:zlib'], { onError: 'fail' });
  const server = await inForked(() => process.ppid);
  for (let i = 0; i < 2; i++) {
    const seen = await inForked(marks);
    assert.deepEqual([seen.preloaded, seen.preloadedIn], [1, server]);
  }
});

test('Any other onError is refused, and changes nothing  [TestForkserverPreload.test_preload_invalid_on_error_value]', () => {
  assert.throws(() => setForkserverPreload([MARK], { onError: 'invalid' as 'fail' }), RangeError);
  assert.throws(() => setForkserverPreload('one' as unknown as string[]), TypeError);
});

test('What is preloaded sees the arguments of the program  [MiscTestCase.test_preload_main_sys_argv]', async () => {
  setForkserverPreload([MARK], { onError: 'fail' });
  assert.deepEqual((await inForked(marks)).preloadedArgv?.slice(1), process.argv.slice(1));
});

for (const [title, argument] of [
  ['', 'one'],
  [', however many they are  [MiscTestCase.test_preload_main_large_sys_argv]', 'ä"'.repeat(100_000).slice(0, 60_000)],
] as const) {
  test(`What is preloaded is named as in the program, printed once, and sees its arguments${title}  [_TestSpawnedSysPath.test_forkserver_preload_imports_sys_path] [_TestSpawnedSysPath.test_std_streams_flushed_after_preload]`, () => {
    const args = argument === 'one' ? [argument] : Array.from({ length: 5 }, () => argument);
    const program = fileURLToPath(fixture('program.mjs'));
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 0, stderr);
    const result = JSON.stringify([1, args.join().length]);
    assert.deepEqual(
      stdout.trim().split('\n').toSorted(),
      [result, result, 'child out', 'child out', 'preloaded out'].toSorted(),
    );
    assert.deepEqual(stderr.trim().split('\n').toSorted(), ['child err', 'child err', 'preloaded err']);
  });
}

for (const [onError, status, printed, said, id] of [
  ['ignore', 0, 'ran', /^$/, '[TestHandlePreload.test_handle_preload_main_on_error_ignore]'],
  ['warn', 0, 'ran', REFUSED, '[TestHandlePreload.test_handle_preload_main_on_error_warn]'],
  ['fail', 1, 'ProcessError', REFUSED, '[TestHandlePreload.test_handle_preload_main_on_error_fail]'],
] as const) {
  test(`A main script that starts children when it is preloaded cannot be: "${onError}" says what becomes of that  ${id}`, () => {
    const program = fileURLToPath(fixture('preloads-itself.mjs'));
    const ended = spawnSync(process.execPath, [program, onError], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(ended.status, status, ended.stderr);
    const lines = ended.stdout.trim().split('\n');
    // It is loaded here, in servers and in a standby; and no more.
    assert.ok(lines.length < 20);
    assert.ok(lines.every((line) => ['loaded', 'InvalidStateError', printed].includes(line)));
    // Not necessarily last: a standby may be loading it at that moment.
    assert.equal(lines.filter((line) => line === printed).length, 1);
    assert.match(ended.stderr, said);
  });
}

test('A main script that starts its children only as the main script is preloaded as any other module  [MiscTestCase.test_preload_main] [TestHandlePreload.test_handle_preload_main_valid]', () => {
  const program = fileURLToPath(fixture('preloads-main.cjs'));
  const ended = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(ended.status, 0, ended.stderr);
  assert.equal(ended.stderr, '');
  const lines = ended.stdout.trim().split('\n');
  assert.deepEqual(
    lines.filter((line) => line !== 'loaded'),
    ['true', 'true'],
  );
  assert.ok(lines.length >= 4);
});
