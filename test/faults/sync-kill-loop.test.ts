/**
 * A short run of the kill loop for each synchronisation object; `npm run test:kills:sync` runs long ones.
 */
import { test } from 'node:test';
import { Event, getContext, Process } from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { OBJECT_NAMES, syncKillLoop } from './sync-kill-loop.js';

const warmUp = async () => {
  const event = new Event();
  for (const Child of [Process, getContext('forkserver').Process]) {
    const child = await new Child({ target: () => event.set() }).start();
    await child.join();
  }
};

for (const name of OBJECT_NAMES)
  test(
    `${name}: processes that use it are killed again and again, the others go on  [faults 11, 12, 13, 14, 15, 85]`,
    leavesNothing(async () => void (await syncKillLoop(name, 4, 20_261_121)), { warmUp }),
  );
