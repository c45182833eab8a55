import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arena } from '#src/substrate/arena.js';
import { HEADER_ORIGINS, HEADER_SLOTS_USED, SLOT_STATE, STATE_LIVE, STATE_MASK } from '#src/substrate/layout.js';
import { claimSlot, isEntered, slotOf, slotWords } from '#src/substrate/participants.js';
import { inPrivateFamily, PRIVATE_CHILD, PRIVATE_PARENT } from '#src/substrate/private-family.js';
import { joinFamily, self } from '#src/substrate/self.js';
import { leavesNothing } from '../support/census.js';

const join = () => joinFamily({ arenaFd: -1, id: PRIVATE_CHILD, doorbell: { readFd: -1, writeFd: -1 } });

self(); // founds a family, which stays

test(
  'What is done in a private family is seen by nobody, and leaves nothing',
  leavesNothing(async () => {
    const me = self();
    const real = arena();
    const before = [HEADER_SLOTS_USED, HEADER_ORIGINS].map((word) => Atomics.load(real.header, word));
    inPrivateFamily(() => {
      assert.notEqual(arena(), real);
      assert.equal(Atomics.load(arena().header, HEADER_SLOTS_USED), 0);
      assert.notEqual(join(), me);
      assert.equal(self().id, PRIVATE_CHILD);
      assert.equal(Atomics.load(slotWords(slotOf(PRIVATE_CHILD)), SLOT_STATE) & STATE_MASK, STATE_LIVE);
      assert.equal(slotOf(claimSlot(PRIVATE_PARENT)), 0);
      assert.equal(isEntered(PRIVATE_CHILD), true);
      self().doorbell.turn();
    });
    assert.equal(self(), me);
    assert.equal(arena(), real);
    assert.deepEqual(
      [HEADER_SLOTS_USED, HEADER_ORIGINS].map((word) => Atomics.load(real.header, word)),
      before,
    );
    await new Promise((resolve) => setImmediate(resolve)); // the doorbell is closed by the event loop
  }),
);

test(
  'What fails in a private family ends it all the same, joined or not',
  leavesNothing(async () => {
    const me = self();
    for (const begin of [join, () => {}]) {
      const fail = (): void =>
        inPrivateFamily(() => {
          begin();
          throw new Error('failed');
        });
      assert.throws(fail, { message: 'failed' });
      assert.equal(self(), me);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }),
);
