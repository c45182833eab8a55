import assert from 'node:assert/strict';
import test from 'node:test';
import { LockOwnerDiedError, ProcessError, TimeoutError } from '#src/errors.js';
import { LockWord } from '#src/substrate/lock-word.js';
import { self } from '#src/substrate/self.js';
import {
  awaitLock,
  COUNTER,
  changePair,
  holdForEver,
  holdUntilAwaited,
  increment,
  PAIR_A,
  POISONED,
  STARTED,
  STOP,
  TORN,
} from '../fixtures/substrate/members.js';
import { begin, sharedLine, sleepsInFutex, until } from '../fixtures/substrate/starting.js';
import { leavesNothing } from '../support/census.js';

const warmUp = async () => {
  new LockWord(sharedLine().offset).tryAcquire();
  await (await begin(increment, [sharedLine().offset, sharedLine().offset, 1])).join();
};
const WINDOWS = Number(process.env['MULTIPROC_WINDOWS'] ?? 50);

test('a lock is held by one thread at a time, and released only by it', () => {
  const { offset } = sharedLine();
  const lock = new LockWord(offset);
  assert.throws(
    () => lock.release(),
    (error) => error instanceof ProcessError && error.code === 'ERR_MP_NOT_OWNER',
  );
  assert.equal(lock.tryAcquire(), true);
  assert.equal(lock.locked(), true);
  assert.equal(lock.heldHere(), true);
  assert.equal(lock.tryAcquire(), false);
  assert.throws(() => lock.acquireSync(20), TimeoutError);
  lock.release();
  assert.equal(lock.locked(), false);
});

test(
  'four processes count exactly under a lock',
  leavesNothing(
    async () => {
      const lock = sharedLine();
      const line = sharedLine();
      const children = await Promise.all(Array.from({ length: 4 }, () => begin(increment, [lock.offset, line.offset, 50_000])));
      await Promise.all(children.map((child) => child.join()));
      assert.equal(line.words[COUNTER], 200_000);
    },
    { warmUp },
  ),
);

test(
  'a dead owner poisons the lock for everyone until it is recovered  [fault 12]',
  leavesNothing(
    async () => {
      const lock = sharedLine();
      const line = sharedLine();
      const owner = await begin(holdForEver, [[lock.offset], line.offset]);
      await until(() => line.words[STARTED] === 1, 'the owner holds');
      const waiters = await Promise.all([1, 2, 3].map(() => begin(awaitLock, [lock.offset, line.offset])));
      await until(() => waiters.every((waiter) => sleepsInFutex(waiter.pid as number)), 'the waiters sleep');
      owner.kill();
      assert.deepEqual(await Promise.all(waiters.map((waiter) => waiter.result())), [
        'LockOwnerDiedError',
        'LockOwnerDiedError',
        'LockOwnerDiedError',
      ]);
      const here = new LockWord(lock.offset);
      assert.throws(
        () => here.tryAcquire(),
        (error) => error instanceof LockOwnerDiedError && error.pid === owner.pid,
      );
      assert.throws(() => here.acquireSync(1000), LockOwnerDiedError);
      assert.equal(here.recoverSync(), true);
      here.release();
      assert.equal(here.tryAcquire(), true);
      here.release();
      await owner.join();
    },
    { warmUp },
  ),
);

test(
  'a stopped owner is not dead: its lock stays its own  [fault 84]',
  leavesNothing(
    async () => {
      const lock = sharedLine();
      const line = sharedLine();
      const owner = await begin(holdForEver, [[lock.offset], line.offset]);
      await until(() => line.words[STARTED] === 1, 'the owner holds');
      process.kill(owner.pid as number, 'SIGSTOP');
      assert.throws(() => new LockWord(lock.offset).acquireSync(150), TimeoutError);
      owner.kill();
      await owner.join();
      assert.throws(() => new LockWord(lock.offset).tryAcquire(), LockOwnerDiedError);
    },
    { warmUp },
  ),
);

test(
  `a process killed in the middle of a release strands nobody, ${WINDOWS} times`,
  leavesNothing(
    async () => {
      for (let i = 0; i < WINDOWS; i++) {
        const lock = sharedLine();
        const line = sharedLine();
        const owner = await begin(holdUntilAwaited, [lock.offset, line.offset], 'lock.afterRelease:kill');
        await until(() => line.words[STARTED] === 1, 'the owner holds');
        const waiter = await begin(awaitLock, [lock.offset, line.offset], 'none:kill'); // the test build: sleeps without slices
        await until(() => line.words[STARTED] === 2 && sleepsInFutex(waiter.pid as number), 'the waiter sleeps');
        Atomics.store(line.words, STOP, 1);
        assert.equal(await waiter.result({ timeout: 20_000 }), 'acquired');
        assert.equal(((await owner.exception()) as { signal?: string }).signal, 'SIGKILL');
        lock.free();
        line.free();
      }
    },
    { warmUp },
  ),
);

test(
  `a waiter killed between being woken and taking strands nobody, ${WINDOWS} times`,
  leavesNothing(
    async () => {
      for (let i = 0; i < WINDOWS; i++) {
        const lock = sharedLine();
        const line = sharedLine();
        const owner = await begin(holdUntilAwaited, [lock.offset, line.offset]);
        await until(() => line.words[STARTED] === 1, 'the owner holds');
        const first = await begin(awaitLock, [lock.offset, line.offset], 'waiter.afterWake:kill');
        await until(() => line.words[STARTED] === 2 && sleepsInFutex(first.pid as number), 'the first waiter sleeps');
        const second = await begin(awaitLock, [lock.offset, line.offset], 'none:kill');
        await until(() => line.words[STARTED] === 3 && sleepsInFutex(second.pid as number), 'the second waiter sleeps');
        Atomics.store(line.words, STOP, 1);
        assert.equal(await second.result({ timeout: 20_000 }), 'acquired');
        assert.equal(((await first.exception()) as { signal?: string }).signal, 'SIGKILL');
        await owner.join();
        lock.free();
        line.free();
      }
    },
    { warmUp },
  ),
);

test(
  '5000 locks of a dead process are all reported and recovered: guardians are sharded',
  leavesNothing(
    async () => {
      const { allocator } = self();
      const line = sharedLine();
      const pieces = Array.from({ length: 5000 }, () => allocator.allocate(64));
      const owner = await begin(holdForEver, [pieces.map((piece) => piece.offset), line.offset]);
      await until(() => line.words[STARTED] === 1, 'the owner holds all');
      owner.kill();
      await owner.join();
      for (const piece of pieces) {
        const lock = new LockWord(piece.offset);
        assert.throws(() => lock.tryAcquire(), LockOwnerDiedError);
        assert.equal(lock.recoverSync(), true);
        lock.release();
        lock.close();
        allocator.free(piece);
      }
    },
    { warmUp, allow: [/mp-|thread/] },
  ),
);

test(
  'kill loop: no torn state goes unnoticed and nobody waits for ever',
  leavesNothing(
    async () => {
      const kills = Number(process.env['MULTIPROC_KILLS'] ?? 100);
      const lock = sharedLine();
      const line = sharedLine();
      const children = await Promise.all([1, 2, 3].map(() => begin(changePair, [lock.offset, line.offset])));
      for (let i = 0; i < kills; i++) {
        const seen = Atomics.load(line.words, PAIR_A);
        await until(() => Atomics.load(line.words, PAIR_A) !== seen, `progress after ${i} kills`);
        const at = i % children.length;
        children[at]?.kill();
        await children[at]?.join();
        children[at] = await begin(changePair, [lock.offset, line.offset]);
      }
      Atomics.store(line.words, STOP, 1);
      await Promise.all(children.map((child) => child.join({ timeout: 20_000 })));
      assert.equal(line.words[TORN], 0);
      assert.ok((line.words[POISONED] as number) >= 0);
    },
    { warmUp },
  ),
);
