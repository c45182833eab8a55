/**
 * Many calls at once: those with plain arguments travel together, in their order with all others.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Event, Process, type SyncManager } from 'multiproc';
import { putOff } from '#src/substrate/put-off.js';
import { withDeadline } from '../support/deadline.js';
import { clean, connectedTo, serving } from './remote-support.js';

const LONG_MS = 30_000;

for (const way of ['memory', 'a socket'] as const) {
  test(
    `calls of one client over ${way} begin in their order, and each promise has its own result`,
    clean(async (t) => {
      const server = await serving(t);
      const manager: SyncManager = way === 'memory' ? server : await connectedTo(t, server);
      const list = await manager.list<unknown>();
      const dict = await manager.dict<string, number>();
      const item = { copied: 'at the call' };
      const lengths: Promise<number>[] = [];
      for (let i = 0; i < 2000; i++) {
        lengths.push(list.push(i % 3 === 0 ? item : i % 3 === 1 ? i : 'x'.repeat(i)));
        item.copied = `changed ${i}`;
      }
      assert.deepEqual(
        await Promise.all(lengths),
        Array.from({ length: 2000 }, (_, i) => i + 1),
      );
      assert.deepEqual(await list.at(3), { copied: 'changed 2' });
      assert.equal(await list.at(1999), 1999);
      const outcomes = await Promise.allSettled([
        dict.set('a', 1),
        dict.get('a'),
        (dict as unknown as { nope(): Promise<void> }).nope(),
        dict.get('b'),
        dict.size(),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as Error).name)),
        [undefined, 1, 'TypeError', undefined, 1],
      );
      for (let i = 0; i < 300; i++) void dict.set('last', i);
      assert.equal(dict.sync.get('last'), 299);
    }),
  );
}

test(
  'a call that nobody awaits is on its way before its thread blocks, or its process ends',
  clean(async (t) => {
    const manager = await serving(t);
    const dict = await manager.dict<string, boolean>();
    const event = new Event();
    const child = new Process({
      target: () => {
        void dict.set('before it blocks', true);
        event.waitSync();
        process.on('exit', () => void dict.set('before its end', true));
      },
    });
    await child.start();
    const seen = async (key: string) => {
      while (!(await dict.has(key))) await sleep(5);
    };
    await withDeadline(seen('before it blocks'), LONG_MS, 'the call before the wait');
    event.set();
    await child.join();
    await withDeadline(seen('before its end'), LONG_MS, 'the call before the end');
  }),
);

test('what is put off is done at the end of the turn, once, and in order', async () => {
  const done: number[] = [];
  putOff(() => {
    done.push(1);
    putOff(() => void done.push(3));
  });
  putOff(() => void done.push(2));
  assert.deepEqual(done, []);
  await Promise.resolve();
  assert.deepEqual(done, [1, 2, 3]);
});
