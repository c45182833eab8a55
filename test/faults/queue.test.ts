/**
 * Producers and consumers of a queue that die at each step of putting and taking.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lock, Process, ProcessDiedError, Queue } from 'multiproc';
import { leavesNothing } from '../support/census.js';
import { queueKillLoop } from './queue-kill-loop.js';

const warmUp = async () => {
  const lock = new Lock();
  const process = new Process({ target: () => lock.locked() });
  await process.start();
  await process.join();
};
const clean = (body: () => Promise<void>) => leavesNothing(body, { warmUp });
/** Three of them fill more than a segment. */
const TEXT = 'x'.repeat(30_000);

async function dies(
  target: (queue: Queue<[number, string]>, text: string) => void,
  queue: Queue<[number, string]>,
  fault: string,
): Promise<void> {
  const process = new Process({ target, args: [queue, TEXT], env: { MULTIPROC_FAULT: fault } });
  await process.start();
  await assert.rejects(process.join(), ProcessDiedError);
}

for (const [point, at, put] of [
  ['queue.beforeWrite', 4, 3],
  ['queue.beforeCommit', 4, 3],
  ['queue.midCommit', 4, 3],
  ['queue.afterLink', 1, 2],
  ['queue.afterCommit', 4, 4],
  ['point.beforeWake', 1, 1],
] as const) {
  test(
    `a producer killed at ${point} leaves whole items only, and the next one goes on  [fault 10]`,
    clean(async () => {
      const queue = new Queue<[number, string]>();
      const waiting =
        point === 'point.beforeWake'
          ? new Process({ target: (source: typeof queue) => source.getSync()[0], args: [queue] })
          : undefined;
      if (waiting !== undefined) await waiting.start();
      if (waiting === undefined) {
        await dies(
          (sink, text) => {
            for (let i = 0; ; i++) sink.putSync([i, text]);
          },
          queue,
          `${point}:kill@${at}`,
        );
        assert.equal(queue.qsize(), put);
      } else {
        // Its consumer sleeps, or comes later: the item reaches it although nobody was woken.
        const producer = new Process({
          target: (sink: typeof queue, text: string) => sink.putSync([0, text]),
          args: [queue, TEXT],
          env: { MULTIPROC_FAULT: `${point}:kill@${at}` },
        });
        await producer.start();
        await producer.join().catch((error: unknown) => assert.ok(error instanceof ProcessDiedError));
        assert.equal(await waiting.result(), 0);
      }
      await queue.put([100, 'small']);
      await queue.put([101, TEXT]);
      const expected = [...Array.from({ length: waiting === undefined ? put : 0 }, (_, i) => i), 100, 101];
      for (const number of expected) assert.equal((await queue.get(10_000))[0], number);
      assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
      queue.close();
    }),
  );
}

for (const [point, taken, lost] of [
  ['queue.beforeTake', 2, 0],
  ['queue.midCommit', 2, 0],
  ['queue.afterTake', 3, 1],
] as const) {
  test(
    `a consumer killed at ${point} loses ${lost === 0 ? 'nothing' : 'the item in its hand, which is counted'}  [fault 11]`,
    clean(async () => {
      for (const othersTake of [false, true]) {
        const queue = new Queue<[number, string]>();
        for (let i = 0; i < 6; i++) await queue.put([i, TEXT]);
        await dies(
          (source) => {
            for (;;) source.getSync();
          },
          queue,
          `${point}:kill@3`,
        );
        if (othersTake) await queue.put([6, 'small']);
        for (let i = taken; i < (othersTake ? 7 : 6); i++) assert.equal((await queue.get(10_000))[0], i);
        assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost });
        queue.close();
      }
    }),
  );
}

/** Each has a segment of its own, which is used again when it was taken. */
const longItem = (number: number): [number, Buffer] => [number, Buffer.alloc(600_000 + (number % 3) * 70_000, number)];

async function takeAll(queue: Queue<[number, Buffer]>): Promise<number[]> {
  const taken: number[] = [];
  for await (const item of queue) {
    assert.ok(item[1].equals(longItem(item[0])[1]), `item ${item[0]} is torn`);
    taken.push(item[0]);
  }
  return taken;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

for (const [point, at, put] of [
  ['queue.beforeWrite', 12, 11],
  ['queue.beforeCommit', 12, 11],
  ['queue.midCommit', 12, undefined], // giving up a segment that is too short is a change too
  ['queue.afterLink', 11, 11],
  ['queue.afterCommit', 12, 12],
] as const) {
  test(
    `a producer killed at ${point} while segments are used again damages none  [fault 10]`,
    clean(async () => {
      const queue = new Queue<[number, Buffer]>(3);
      const taking = takeAll(queue);
      const process = new Process({
        target: (sink: Queue<[number, Buffer]>, make: typeof longItem) => {
          for (let i = 0; ; i++) sink.putSync(make(i));
        },
        args: [queue, longItem],
        env: { MULTIPROC_FAULT: `${point}:kill@${at}` },
      });
      await process.start();
      await assert.rejects(process.join(), ProcessDiedError);
      for (const number of numbers(100, 130)) await queue.put(longItem(number), 10_000);
      queue.shutdown();
      const taken = await taking;
      const whole = put ?? taken.indexOf(100);
      assert.ok(whole >= 5 && whole < at + 1, `${whole} items`);
      assert.deepEqual(taken, [...numbers(0, whole), ...numbers(100, 130)]);
      assert.equal(queue.stats().lost, 0);
      queue.close();
    }),
  );
}

for (const [point, at, taken, lost] of [
  ['queue.beforeTake', 5, 4, 0],
  ['queue.midCommit', 5, 4, 0],
  ['queue.afterTake', 5, 5, 1],
  // by then so many segments are spare that more are freed
  ['queue.beforeTake', 35, 34, 0],
  ['queue.afterTake', 35, 35, 1],
  ['queue.beforeFree', 2, 28, 1],
] as const) {
  test(
    `a consumer killed at ${point} for the ${at}th time leaves segments that others free or use again  [fault 11]`,
    clean(async () => {
      const queue = new Queue<[number, Buffer]>();
      for (const number of numbers(0, 40)) await queue.put(longItem(number));
      const process = new Process({
        target: (source: Queue<[number, Buffer]>) => {
          for (;;) source.getSync();
        },
        args: [queue],
        env: { MULTIPROC_FAULT: `${point}:kill@${at}` },
      });
      await process.start();
      await assert.rejects(process.join(), ProcessDiedError);
      for (const number of numbers(100, 140)) await queue.put(longItem(number));
      queue.shutdown();
      const left = await takeAll(queue);
      if (point === 'queue.beforeFree') assert.deepEqual(left.slice(-40), numbers(100, 140));
      else assert.deepEqual(left, [...numbers(taken, 40), ...numbers(100, 140)]);
      assert.equal(queue.stats().lost, lost);
      queue.close();
    }),
  );
}

for (const point of ['queue.midTrim', 'queue.midCommit'] as const) {
  test(
    `a consumer killed at ${point} while it gives spare memory back leaves a queue that goes on  [fault 11]`,
    clean(async () => {
      const queue = new Queue<Buffer>();
      const large = Buffer.alloc(24 * 2 ** 20, 7);
      const process = new Process({
        target: async (source: Queue<Buffer>, items: number) => {
          for (let i = 0; i < items; i++) await source.get();
          await source.get(); // nothing comes: it is idle
        },
        args: [queue, 6],
        // each item is taken by one change
        env: { MULTIPROC_FAULT: point === 'queue.midTrim' ? `${point}:kill@1` : `${point}:kill@7` },
      });
      await process.start();
      for (let i = 0; i < 6; i++) await queue.put(large);
      await assert.rejects(process.join(), ProcessDiedError);
      for (let i = 0; i < 6; i++) {
        await queue.put(large);
        assert.deepEqual(await queue.get(), large);
      }
      assert.equal(queue.stats().lost, 0);
      queue.close();
    }),
  );
}

test(
  'who was killed in the middle of a change leaves nothing that those rely on who have changed it before  [fault 10] [fault 11]',
  clean(async () => {
    const queue = new Queue<[number, string]>(8);
    const inChild = async (target: (queue: Queue<[number, string]>, text: string) => void, fault?: string) => {
      const env = fault === undefined ? {} : { MULTIPROC_FAULT: fault };
      const process = new Process({ target, args: [queue, TEXT], env });
      await process.start();
      if (fault === undefined) await process.join();
      else await assert.rejects(process.join(), ProcessDiedError);
    };
    // This process has put and taken several times, so it knows what it wrote in both copies of each side's state.
    for (let i = 0; i < 6; i++) queue.putSync([i, TEXT]);
    for (let i = 0; i < 3; i++) assert.equal(queue.getSync()[0], i);
    await inChild((sink, text) => sink.putSync([-1, text]), 'queue.midCommit:kill@1');
    await inChild((source) => source.getSync(), 'queue.midCommit:kill@1');
    // Somebody else takes the locks over, and changes nothing.
    await inChild((both, text) => {
      for (let i = 0; i < 5; i++) both.putSync([6 + i, text]);
      if (both.tryPut([-1, text])) throw new Error('The queue should be full');
    });
    for (let i = 3; i < 8; i++) assert.equal(queue.getSync(1000)[0], i);
    for (let i = 11; i < 16; i++) queue.putSync([i, i % 2 === 0 ? TEXT : 'short'], 1000);
    await inChild((source) => {
      for (let i = 8; i < 12; i++) if (source.getSync(1000)[0] !== i) throw new Error(`Item ${i} is not the next one`);
    });
    for (let i = 12; i < 16; i++) assert.equal(queue.getSync(1000)[0], i);
    assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 0 });
    queue.close();
  }),
);

test(
  'who takes over from a consumer that was killed with the last item knows that nothing is left  [fault 11]',
  clean(async () => {
    const queue = new Queue<number>();
    queue.putSync(0);
    assert.equal(queue.getSync(), 0);
    const other = new Process({
      target: () => {
        for (let i = 1; i < 4; i++) queue.putSync(i);
        for (;;) queue.getSync();
      },
      env: { MULTIPROC_FAULT: 'queue.afterTake:kill@3' },
    });
    await other.start();
    await assert.rejects(other.join(), ProcessDiedError);
    assert.equal(queue.tryGet(), null);
    assert.deepEqual(queue.stats(), { size: 0, bytes: 0, lost: 1 });
    queue.putSync(4);
    assert.equal(queue.getSync(1000), 4);
    queue.close();
  }),
);

test(
  'kill loop: nothing torn, nothing twice, nobody wedged, lost only what a killed consumer had  [fault 10] [fault 11]',
  clean(async () => {
    await queueKillLoop(24, 7);
  }),
);
