import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { ForkServerProcess, type ProcessOptions, setForkserverPreload } from '#src/index.js';
import { forkserverState } from '#src/process/forkserver/fork-launcher.js';
import { withDeadline } from '../support/deadline.js';
import { cleanForked } from './forkserver-support.js';

const fixture = (name: string): string => new URL(`../../test/fixtures/forkserver/${name}`, import.meta.url).href;

afterEach(() => setForkserverPreload([]));
after(() => setForkserverPreload([]));

async function inForked<R>(target: () => R, options: Partial<ProcessOptions> = {}): Promise<R> {
  const child = new ForkServerProcess<[], R>({ stdio: 'ignore', ...(options as object), target });
  await child.start();
  const result = await withDeadline(child.result(), 60_000, 'result of a forked child');
  await child.join();
  assert.equal(child.exitCode, 0);
  return result;
}

const OWN: readonly (readonly [
  title: string,
  options: Partial<ProcessOptions>,
  target: () => [number, unknown],
  value: unknown,
])[] = [
  [
    'flags of node of its own',
    { execArgv: ['--max-old-space-size=77'] },
    () => [process.ppid, process.execArgv.includes('--max-old-space-size=77')],
    true,
  ],
  ['limits of its own', { maxOldSpaceMb: 64 }, () => [process.ppid, process.execArgv.includes('--max-old-space-size=64')], true],
  [
    'a variable that node reads at its start',
    { env: { ...process.env, NODE_PENDING_DEPRECATION: '1' } },
    () => [process.ppid, process.env['NODE_PENDING_DEPRECATION']],
    '1',
  ],
];

for (const [title, options, target, value] of OWN) {
  test(
    `A child with ${title} comes from a standby, and has them`,
    cleanForked(async () => {
      assert.notEqual(await inForked(() => process.ppid), process.pid);
      assert.deepEqual(await inForked(target, options), [process.pid, value]);
    }),
  );
}

for (const [fixtureName, title, reason, children] of [
  ['starts-a-thread.mjs', 'a thread of its own', /a preloaded module started (a thread|\d+ threads)/, 1],
  ['leaves-a-timer.mjs', 'a timer that it left', /left something open: Timeout/, 1],
  ['makes-a-lock.mjs', 'a shared object  [TestStartMethod.test_preload_resources]', /made a shared object|started a thread/, 1],
  [
    'breaks-wasm.mjs',
    'a server whose first child fails its test',
    /the test of its first child failed: wasm \(broken on purpose\)/,
    4, // it is repeated with the next children: it may have been the machine
  ],
] as const) {
  test(`A preload with ${title}: there are standbys, which load it themselves`, async () => {
    setForkserverPreload([fixture(fixtureName)], { onError: 'fail' });
    for (let i = 0; i < children; i++) {
      const child = await inForked(() => [process.ppid, (globalThis as { preloaded?: number }).preloaded]);
      assert.deepEqual(child, [process.pid, 1]);
    }
    const { variant, reason: why } = forkserverState();
    assert.equal(variant, 'standby');
    assert.match(why ?? '', reason);
  });
}
