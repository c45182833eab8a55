/**
 * Senders and receivers of a pipe that die at each step of sending and receiving.
 */
import assert from 'node:assert/strict';
import { ChannelClosedError, type Connection, Pipe, ProcessDiedError } from '#src/index.js';
import { eachKind, startChild } from '../support/kinds.js';

type Message = [number, Buffer];
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

for (const [point, at, sent] of [
  ['queue.beforeWrite', 9, 8],
  ['queue.beforeCommit', 9, 8],
  ['queue.midCommit', 9, undefined],
  ['queue.afterCommit', 9, 9],
  ['queue.afterLink', 2, undefined],
  ['point.beforeRing', 1, 1],
] as const) {
  eachKind(
    `a sender killed at ${point} leaves whole messages only, and then the end  [fault 10] [fault 46]`,
    async (kind, t) => {
      const [here, there] = Pipe<Message>();
      const taking = (async () => {
        const seen: number[] = [];
        for await (const [number, bytes] of here) {
          assert.ok(bytes.length === number * 40_000 && bytes.every((byte) => byte === number), `message ${number} is torn`);
          seen.push(number);
        }
        return seen;
      })();
      const child = await startChild(
        kind,
        t,
        (connection: Connection<Message>) => {
          for (let i = 0; ; i++) connection.sendSync([i, Buffer.alloc(i * 40_000, i)]);
        },
        [there],
        { env: { MULTIPROC_FAULT: `${point}:kill@${at}` } },
      );
      there.close();
      await assert.rejects(child.join(), ProcessDiedError);
      const seen = await taking;
      assert.deepEqual(seen, numbers(0, sent ?? seen.length));
      assert.ok(seen.length < at * 4, `${seen.length} messages`);
      await assert.rejects(here.send([0, Buffer.alloc(0)]), ChannelClosedError);
      here.close();
    },
    (kind) => kind.name === 'spawn',
  );
}

for (const [point, taken] of [
  ['queue.beforeTake', 2],
  ['queue.midCommit', 2],
  ['queue.afterTake', 3],
] as const) {
  eachKind(
    `a receiver killed at ${point} leaves the other messages to who has that end too  [fault 11]`,
    async (kind, t) => {
      const [here, there] = Pipe<Message>();
      for (const number of numbers(0, 6)) await here.send([number, Buffer.alloc(number * 30_000, number)]);
      const child = await startChild(
        kind,
        t,
        (connection: Connection<Message>) => {
          for (;;) connection.recvSync();
        },
        [there],
        { env: { MULTIPROC_FAULT: `${point}:kill@3` } },
      );
      await assert.rejects(child.join(), ProcessDiedError);
      await here.send([6, Buffer.alloc(180_000, 6)]);
      here.close();
      const seen: number[] = [];
      for await (const [number, bytes] of there) {
        assert.ok(bytes.every((byte) => byte === number));
        seen.push(number);
      }
      assert.deepEqual(seen, numbers(taken, 7));
      there.close();
    },
    (kind) => kind.name === 'spawn',
  );
}
