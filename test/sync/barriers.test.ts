/**
 * Barriers with every kind of child: what Python's tests of them ask for.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Barrier, BrokenBarrierError, Lock, SimpleQueue, Value } from '#src/index.js';
import { withDeadline } from '../support/deadline.js';
import { eachKind, inChild, type Kind, startChild } from '../support/kinds.js';

const DEADLINE_MS = 60_000;
const PARTIES = 5;

/** Runs `body` in four children and here; a party that fails breaks nothing, so the barriers have a limit. */
async function together<A extends unknown[], R>(
  kind: Kind,
  t: TestContext,
  body: (...args: A) => Promise<R>,
  ...args: NoInfer<A>
) {
  const children = await Promise.all(Array.from({ length: PARTIES - 1 }, () => startChild(kind, t, body, args)));
  return withDeadline(Promise.all([body(...args), ...children.map((child) => child.result())]), DEADLINE_MS, 'the parties');
}

const barrierOf = (options: { action?: () => void; timeout?: number } = {}) =>
  new Barrier(PARTIES, { timeout: DEADLINE_MS, ...options });

/** What becomes of a wait. */
const outcomeOf = async (wait: () => number | Promise<number>) => {
  try {
    await wait();
    return 'passed';
  } catch (error) {
    return (error as Error).name;
  }
};

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

for (const { passes, id } of [
  { passes: 1, id: '[_TestBarrier.test_barrier]' },
  { passes: 10, id: '[_TestBarrier.test_barrier_10]' },
])
  eachKind(`a barrier is passed in lockstep, ${passes} times  ${id} [Y-18] [Y-19]`, async (kind, t) => {
    const barrier = barrierOf();
    const [before, after] = [new Value('i', 0), new Value('i', 0)];
    const pass = async (own: Barrier, count: number, begun: Value<'i'>, done: Value<'i'>) => {
      const seen: number[] = [];
      for (let turn = 0; turn < count; turn++) {
        begun.add(1);
        seen.push(done.value);
        await own.wait();
        done.add(1);
        seen.push(begun.value);
        await own.wait();
      }
      return seen;
    };
    const expected = Array.from({ length: passes }, (_, turn) => [turn * PARTIES, (turn + 1) * PARTIES]).flat();
    assert.deepEqual(await together(kind, t, pass, barrier, passes, before, after), times(PARTIES, expected));
    assert.deepEqual([barrier.parties, barrier.nWaiting, barrier.broken], [PARTIES, 0, false]);
  });

eachKind('each party gets a number of its own  [_TestBarrier.test_wait_return] [Y-19]', async (kind, t) => {
  const numbers = await together(kind, t, (own: Barrier) => own.wait(), barrierOf());
  assert.deepEqual(numbers.sort(), [0, 1, 2, 3, 4]);
});

eachKind('the action runs once, before anybody passes  [_TestBarrier.test_action] [Y-20]', async (kind, t) => {
  const runs = new Value('i', 0);
  const barrier = barrierOf({ action: () => void runs.add(1) });
  const body = async (own: Barrier, count: Value<'i'>) => {
    await own.wait();
    return count.value;
  };
  assert.deepEqual(await together(kind, t, body, barrier, runs), times(PARTIES, 1));
});

eachKind('an action that throws breaks the barrier; its party gets the error  [Y-20] [Y-24]', async (kind, t) => {
  const barrier = barrierOf({
    action: () => {
      throw new RangeError('within');
    },
  });
  const outcomes = await together(kind, t, (own: Barrier) => outcomeOf(() => own.wait()), barrier);
  assert.deepEqual(outcomes.sort(), [...times(PARTIES - 1, 'BrokenBarrierError'), 'RangeError']);
  assert.equal(barrier.broken, true);
});

/** One party of each pass does something else than to wait again. */
const isOdd = (index: number, own: Barrier) => index === Math.floor(own.parties / 2);

eachKind('an abort breaks the barrier for all that wait  [_TestBarrier.test_abort] [Y-21]', async (kind, t) => {
  const barrier = barrierOf();
  const body = async (own: Barrier) => {
    const index = await own.wait();
    if (!isOdd(index, own)) return outcomeOf(() => own.wait());
    own.abort();
    return 'aborted';
  };
  const outcomes = await together(kind, t, body, barrier);
  assert.deepEqual(outcomes.sort(), [...times(PARTIES - 1, 'BrokenBarrierError'), 'aborted']);
  assert.equal(barrier.broken, true);
  assert.equal(barrier.nWaiting, 0);
  await assert.rejects(barrier.wait(), BrokenBarrierError);
});

eachKind('a reset frees those that wait, and the barrier is whole  [_TestBarrier.test_reset] [Y-22] [Y-23]', async (kind, t) => {
  const barrier = barrierOf();
  const body = async (own: Barrier) => {
    const index = await own.wait();
    let outcome = 'reset';
    if (isOdd(index, own)) {
      while (own.nWaiting < own.parties - 1) await new Promise((resolve) => setTimeout(resolve, 1));
      own.reset();
    } else outcome = await outcomeOf(() => own.wait());
    return `${outcome}, then ${await outcomeOf(() => own.wait())}`;
  };
  const outcomes = await together(kind, t, body, barrier);
  assert.deepEqual(outcomes.sort(), [...times(PARTIES - 1, 'BrokenBarrierError, then passed'), 'reset, then passed']);
  assert.equal(barrier.broken, false);
});

eachKind(
  'a barrier that was broken is made whole by a reset  [_TestBarrier.test_abort_and_reset] [Y-21] [Y-22]',
  async (kind, t) => {
    const body = async (own: Barrier, second: Barrier) => {
      const index = await own.wait();
      let outcome = 'aborted';
      if (isOdd(index, own)) own.abort();
      else outcome = await outcomeOf(() => own.wait());
      if (isOdd(await second.wait(), second)) own.reset();
      await second.wait();
      return `${outcome}, then ${await outcomeOf(() => own.wait())}`;
    };
    const outcomes = await together(kind, t, body, barrierOf(), barrierOf());
    assert.deepEqual(outcomes.sort(), [...times(PARTIES - 1, 'BrokenBarrierError, then passed'), 'aborted, then passed']);
  },
);

for (const { name, limit, wait, id } of [
  { name: 'its wait', limit: DEADLINE_MS, wait: 50, id: '[_TestBarrier.test_timeout]' },
  { name: 'the barrier', limit: 50, wait: undefined, id: '[_TestBarrier.test_default_timeout]' },
])
  eachKind(`a party that is later than the limit of ${name} finds it broken, as all do  ${id} [Y-19]`, async (kind, t) => {
    const barrier = barrierOf({ timeout: limit });
    const body = async (own: Barrier, ms: number | undefined) => {
      const index = await own.wait(60_000);
      // Late is who comes when the others have given up.
      while (isOdd(index, own) && !own.broken) await new Promise((resolve) => setTimeout(resolve, 1));
      return outcomeOf(() => own.wait(ms));
    };
    assert.deepEqual(await together(kind, t, body, barrier, wait), times(PARTIES, 'BrokenBarrierError'));
  });

eachKind('a barrier of one is passed at once  [_TestBarrier.test_single_thread]', async (kind, t) => {
  const pass = async (own: Barrier) => [await own.wait(), own.waitSync(), await own.wait(0), own.waitSync(0)];
  const barrier = new Barrier(1);
  assert.deepEqual(await pass(barrier), [0, 0, 0, 0]);
  assert.deepEqual(await inChild(kind, t, pass, barrier), [0, 0, 0, 0]);
});

eachKind('a thousand passes of five children stay in lockstep  [_TestBarrier.test_thousand]', async (kind, t) => {
  const queue = new SimpleQueue<number>();
  t.after(() => queue.close());
  const pass = (own: Barrier, lock: Lock, out: SimpleQueue<number>) => {
    for (let turn = 0; turn < 1000; turn++) {
      own.waitSync();
      lock.runSync(() => out.putSync(turn));
    }
  };
  const args: Parameters<typeof pass> = [barrierOf(), new Lock(), queue];
  const children = await Promise.all(Array.from({ length: PARTIES }, () => startChild(kind, t, pass, args)));
  for (let turn = 0; turn < 1000; turn++) {
    const seen = [];
    for (let party = 0; party < PARTIES; party++) seen.push(await withDeadline(queue.get(), DEADLINE_MS, `pass ${turn}`));
    assert.deepEqual(seen, times(PARTIES, turn));
  }
  await Promise.all(children.map((child) => child.result()));
});
