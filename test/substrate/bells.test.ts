/**
 * Doorbells of participants whose slot has another owner by now.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event, Process, Queue } from 'multiproc';
import { leavesNothing } from '../support/census.js';

const warmUp = async () => {
  const event = new Event();
  const process = new Process({ target: () => event.isSet() });
  await process.start();
  await process.join();
};

test(
  'the bell of a dead process, rung late, does not keep the process that has its slot now from waking',
  leavesNothing(
    async () => {
      const queue = new Queue<number>();
      for (let round = 0; round < 20; round++) {
        // Each consumer gets the slot of the one before, whose bell this thread knows.
        const ready = new Event();
        const consumer = new Process({
          target: async () => {
            const wait = queue.get();
            ready.set();
            return await wait;
          },
        });
        await consumer.start();
        await ready.wait();
        if (round % 2 === 0) {
          await queue.put(round);
          assert.equal(await consumer.result(), round);
        } else {
          consumer.kill();
          await consumer.join();
        }
      }
      assert.equal(queue.qsize(), 0);
    },
    { warmUp },
  ),
);
