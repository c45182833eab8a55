import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Process } from '#src/index.js';
import { arena } from '#src/substrate/arena.js';
import { HEADER_SLOTS_USED, SLOT_STATE, STATE_FREE, STATE_MASK } from '#src/substrate/layout.js';
import { claimSlot, freeSlot, slotOf, slotWords } from '#src/substrate/participants.js';
import { self } from '#src/substrate/self.js';
import { clean, isGone, soon, started, until } from './process-support.js';

/** Slots of the family that somebody has. */
function slotsTaken(): number {
  const used = Atomics.load(arena().header, HEADER_SLOTS_USED);
  const states = Array.from({ length: used }, (_, slot) => Atomics.load(slotWords(slot), SLOT_STATE) & STATE_MASK);
  return states.filter((state) => state !== STATE_FREE).length;
}

/** A child with children of its own, and their pids. */
const parentOf = async (kinds: readonly ('idle' | 'busy' | 'detached')[]): Promise<number[]> => {
  const pids: number[] = [];
  for (const kind of kinds) {
    const detached = kind === 'detached';
    const grandchild = new Process({
      stdio: 'ignore',
      detached,
      target: async () => {
        if (kind === 'busy') for (;;);
        if (!detached) await new Promise(() => setInterval(() => {}, 1e6));
        const { parentProcess } = await import('#src/index.js');
        await parentProcess()?.join();
      },
    });
    await grandchild.start();
    pids.push(grandchild.pid as number);
  }
  return pids;
};

test(
  'Descendants of a killed child give their slots back, although they die after it',
  clean(async (t) => {
    const before = slotsTaken();
    for (let round = 0; round < 5; round++) {
      const child = await started(t, {
        stdio: 'pipe',
        target: async () => {
          console.log(JSON.stringify(await parentOf(['busy', 'idle'])));
          await new Promise(() => setInterval(() => {}, 1e6));
        },
      });
      await soon(new Promise((resolve) => child.stdout?.once('data', resolve)), 'the grandchildren run');
      assert.ok(slotsTaken() >= before + 3);
      child.kill();
      await soon(child.join(), 'join');
      child.close();
    }
    await until(() => slotsTaken() === before, 'all slots are free again');
  }),
);

test(
  'Descendants of a child that ends by itself give their slots back: a detached one when it ends',
  clean(async (t) => {
    const before = slotsTaken();
    const child = await started(t, {
      target: async () => {
        const pids = await parentOf(['busy', 'detached']);
        setImmediate(() => process.exit(0));
        return pids;
      },
    });
    await soon(child.join(), 'join');
    await until(() => slotsTaken() === before, 'all slots are free again');
  }),
);

test(
  'The slot of a child that ended is taken by nobody before its parent has seen to what it left',
  clean(async (t) => {
    const next = claimSlot(self().id);
    freeSlot(next);
    const child = await started(t, { target: () => process.exit(0) });
    while (!isGone(child.pid as number)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    const other = claimSlot(self().id);
    freeSlot(other);
    assert.notEqual(slotOf(other), slotOf(next));
    await soon(child.join(), 'join');
  }),
);
