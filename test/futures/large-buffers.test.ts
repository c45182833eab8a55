import assert from 'node:assert/strict';
import { Process } from 'multiproc';
import { executorTest, inTime, withExecutor } from './executor-support.js';

/** Larger than any ring. */
const LARGE_BYTES = 8 * 2 ** 20;

function large(fill: number): Buffer {
  return Buffer.alloc(LARGE_BYTES, fill);
}

/** Says what the bytes are, and whether their memory is (almost) only theirs; changes them. */
function look(bytes: Buffer): { first: number; last: number; length: number; isAlone: boolean; echo: Buffer } {
  const { length } = bytes;
  const seen = { first: bytes[0] ?? -1, last: bytes.at(-1) ?? -1, length, isAlone: bytes.buffer.byteLength < length + 1024 };
  bytes.fill(99);
  return { ...seen, echo: bytes };
}

const SEEN = { first: 7, last: 7, length: LARGE_BYTES, isAlone: true };

executorTest('a large Buffer has a memory of its own when it arrives, which it shares with nobody', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const sent = large(7);
    const futures = [executor.submit(look, sent), executor.submit(look, sent)];
    for (const { echo, ...seen } of await inTime(Promise.all(futures))) {
      assert.deepEqual(seen, SEEN);
      assert.ok(echo.buffer.byteLength < LARGE_BYTES + 1024);
      assert.deepEqual([echo.length, echo[0], echo.at(-1)], [LARGE_BYTES, 99, 99]);
      echo.fill(0); // the other result keeps its bytes
    }
    assert.deepEqual([sent[0], sent.at(-1)], [7, 7]);
    for await (const { first, echo } of executor.map(look, [sent])) assert.deepEqual([first, echo[0]], [7, 99]);
  }),
);

executorTest('a large Buffer behind a definition that is still being loaded arrives whole', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const factor = 2;
    const slow = executor.submit(async (ms: number) => new Promise((resolve) => setTimeout(resolve, ms * factor)), 20);
    const { echo, ...seen } = await inTime(executor.submit((bytes: Buffer) => look(bytes), large(7)));
    assert.deepEqual(seen, SEEN);
    assert.equal(echo[LARGE_BYTES / 2], 99);
    await inTime(slow);
  }),
);

executorTest('two large Buffers of one message do not share memory', () =>
  withExecutor({ maxWorkers: 1 }, async (executor) => {
    const change = (one: Buffer, other: Buffer): number[] => {
      one.fill(1);
      return [other[0] ?? -1, other.at(-1) ?? -1];
    };
    assert.deepEqual(await inTime(executor.submit(change, large(3), large(4))), [4, 4]);
  }),
);

executorTest('a Process takes and gives large Buffers without a second copy', async () => {
  const child = new Process({ target: look, args: [large(7)] });
  await child.start();
  const { echo, ...seen } = await inTime(child.result());
  assert.deepEqual(seen, SEEN);
  assert.ok(echo.byteOffset > 0);
  assert.equal(echo.at(-1), 99);
});
