/**
 * What a process keeps of the memory of large messages that it has received.
 */
import assert from 'node:assert/strict';
import { Queue } from '#src/index.js';
import { messageMemory } from '#src/substrate/message-memory.js';
import { test } from 'node:test';
import { eachKind, startChild } from '../support/kinds.js';

const MIB = 2 ** 20;
const MESSAGES = 512;
const BYTES = 4 * MIB;

test('memory for a message is of just its size, small or large', () => {
  for (const bytes of [0, 1, 4096, 32_768, 100_001, 2 ** 25, 2 ** 25 + 1]) {
    const memory = messageMemory(bytes);
    assert.equal(memory.length, bytes);
    assert.equal(memory.buffer.byteLength, bytes);
  }
});

eachKind('who received two gigabytes in large messages does not keep them', async (kind, t) => {
  const queue = new Queue<Buffer>();
  const child = await startChild(
    kind,
    t,
    (source: Queue<Buffer>, count: number) => {
      const before = process.memoryUsage.rss();
      let total = 0;
      for (let i = 0; i < count; i++) {
        const bytes = source.getSync();
        if (bytes.at(0) !== i % 251 || bytes.at(-1) !== i % 251) throw new Error(`message ${i} is torn`);
        total += bytes.length;
      }
      return [total, process.memoryUsage.rss() - before];
    },
    [queue, MESSAGES],
  );
  for (let i = 0; i < MESSAGES; i++) await queue.put(Buffer.alloc(BYTES, i % 251));
  const [total, kept] = (await child.result()) as [number, number];
  assert.equal(total, MESSAGES * BYTES);
  // With a single thread, as children of a fork server have it, V8 of Node 24 collects what blocking code leaves only at about a gigabyte.
  assert.ok(kept < (kind.name === 'forkserver' ? 1536 : 1024) * MIB, `${kept} bytes more than before`);
});
