import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { Event, getContext, Process, type StartMethod, Thread } from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { soon } from '../process/process-support.js';

for (const method of ['spawn', 'forkserver'] as const satisfies StartMethod[]) {
  test(
    `A thread that has started processes closes its descriptors when it ends, and none of others: ${method}`,
    leavesNothing(
      async () => {
        const [started, opened] = [new Event(), new Event()];
        const startOne = async (context: StartMethod) => {
          for (const stdio of ['inherit', 'ignore', 'pipe'] as const) {
            const child = new (getContext(context).Process)({ stdio });
            await child.start();
            await child.join();
          }
          started.set();
          await opened.wait();
        };
        const thread = await new Thread({ target: startOne, args: [method] }).start();
        await soon(started.wait(), 'its processes');
        // These have the numbers of what the thread had open meanwhile.
        const files = Array.from({ length: 30 }, () => openSync('/dev/null', 'r'));
        opened.set();
        await soon(thread.join(), 'join');
        for (const fd of files) assert.equal(fstatSync(fd).isCharacterDevice(), true);
        for (const fd of files) closeSync(fd);
      },
      { warmUp },
    ),
  );
}

/** A thread's bell and a process's supervisor stay. */
async function warmUp(): Promise<void> {
  const thread = await new Thread({ target: async () => (await new Process().start()).join() }).start();
  await thread.join();
}
