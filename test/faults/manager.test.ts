/**
 * Servers and clients of managers that die at each step of a call.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Event,
  Lock,
  LockOwnerDiedError,
  Manager,
  ManagerDiedError,
  Process,
  ProcessDiedError,
  Queue,
  type QueueProxy,
  type SyncManager,
} from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { withDeadline } from '../support/deadline.js';

const LONG_MS = 30_000;
const warmUp = async () => {
  const lock = new Lock();
  const process = new Process({ target: () => lock.locked() });
  await process.start();
  await process.join();
};
/** The doorbells of the last few whom this process rang stay open, also of those that somebody else's child was. */
const allow = [/^file descriptor \d+: pipe:/];
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp, allow });

for (const point of ['manager.beforeCall', 'manager.beforeReply', 'manager.afterReply'])
  for (const at of [1, 2, 7])
    test(
      `a server killed at ${point}, the ${at}. time, ends every pending and later call  [fault 30]`,
      clean(async () => {
        const [managers, done] = [new Queue<SyncManager>(), new Event()];
        // Its server has its environment; it has no such points itself.
        const starter = new Process({
          target: async () => {
            const manager = await Manager().catch(() => undefined);
            if (manager !== undefined) await managers.put(manager).catch(() => {});
            else managers.shutdown();
            await done.wait();
          },
          env: { MULTIPROC_FAULT: `${point}:kill@${at}` },
        });
        await starter.start();
        const manager = await managers.get(LONG_MS).catch(() => undefined);
        if (manager !== undefined) {
          let waiting: Promise<unknown> | undefined;
          const pending = (async () => {
            const [list, queue] = [await manager.list<number>(), await manager.Queue()];
            waiting = queue.get();
            waiting.catch(() => {});
            for (let i = 0; ; i++) await Promise.all([list.push(i), list.length(), list.set(0, i)]);
          })();
          await assert.rejects(withDeadline(pending, LONG_MS, 'the pending calls'), ManagerDiedError);
          if (waiting !== undefined) await assert.rejects(withDeadline(waiting, LONG_MS, 'the item'), ManagerDiedError);
          await assert.rejects(manager.list(), ManagerDiedError);
          assert.throws(() => manager.createSync('list'), ManagerDiedError);
        }
        done.set();
        await starter.join();
      }),
    );

for (const point of ['link.beforeSend', 'link.afterSend', 'link.beforeAck'])
  for (const blocking of [true, false])
    test(
      `a client killed at ${point} while it ${blocking ? 'blocks for' : 'awaits'} an item loses none  [fault 17]`,
      clean(async () => {
        const manager = await Manager();
        const queue: QueueProxy<number> = await manager.Queue<number>();
        for (let i = 0; i < 3; i++) await queue.put(i);
        const client = new Process({
          target: async (source, blocks) => {
            for (;;) {
              if (blocks) source.sync.get();
              else await source.get();
            }
          },
          args: [queue, blocking] as [QueueProxy<number>, boolean],
          // The first message says who it is; the calls of an event loop go with it.
          env: { MULTIPROC_FAULT: `${point}:kill@${point !== 'link.beforeAck' && blocking ? 2 : 1}` },
        });
        await client.start();
        await assert.rejects(client.join(), ProcessDiedError);
        const found = [];
        for (let i = 0; i < 3; i++) found.push(await queue.get(LONG_MS));
        assert.deepEqual(found.sort(), [0, 1, 2]); // one that comes back may meet others on their way
        await manager.shutdown();
      }),
    );

for (const point of ['link.beforeSend', 'link.afterSend'])
  test(
    `a client killed at ${point} of an acquire leaves a lock that is free or poisoned, and nobody waits for ever  [fault 16]`,
    clean(async () => {
      const manager = await Manager();
      const lock = await manager.Lock();
      const client = new Process({
        target: (each) => {
          each.sync.acquire();
        },
        args: [lock] as [typeof lock],
        env: { MULTIPROC_FAULT: `${point}:kill@2` },
      });
      await client.start();
      await assert.rejects(client.join(), ProcessDiedError);
      await withDeadline(lock.acquire(), LONG_MS, 'the lock').catch(async (error: unknown) => {
        assert.ok(error instanceof LockOwnerDiedError);
        await lock.recover();
      });
      await lock.release();
      await manager.shutdown();
    }),
  );
