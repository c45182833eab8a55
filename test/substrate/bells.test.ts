/**
 * Doorbells of participants whose slot has another owner by now.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { Event, Pipe, Process, Queue } from 'multiproc';
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

test(
  'an event loop that is rung without pause serves timers, immediates and files between the rings',
  leavesNothing(
    async () => {
      const [here, there] = Pipe<boolean>();
      const echo = new Process({
        target: async () => {
          for (let goesOn = true; goesOn; ) {
            goesOn = await there.recv();
            await there.send(goesOn);
          }
        },
      });
      await echo.start();
      const served = { timers: 0, immediates: 0, files: 0 };
      const isServed = () => served.timers >= 20 && served.immediates >= 20 && served.files >= 20;
      const timer = setInterval(() => served.timers++, 1);
      const again = () => {
        served.immediates++;
        if (!isServed()) setTimeout(() => setImmediate(again), 1);
      };
      setImmediate(again);
      const readAll = async () => {
        for (; served.files < 20; served.files++) await readFile('/proc/self/stat');
      };
      const reading = readAll();
      const deadline = Date.now() + 60_000;
      while (!isServed() && Date.now() < deadline) {
        await here.send(true);
        await here.recv();
      }
      clearInterval(timer);
      assert.ok(isServed(), JSON.stringify(served));
      await reading;
      await here.send(false);
      await here.recv();
      await echo.join();
      here.close();
      there.close();
    },
    { warmUp },
  ),
);
