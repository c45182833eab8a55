/**
 * What a process keeps of the memory of large messages that it has received.
 */
import assert from 'node:assert/strict';
import { Queue } from '#src/index.js';
import { binding } from '#src/native/binding.js';
import { messageMemory } from '#src/substrate/message-memory.js';
import { fstatSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachKind, startChild } from '../support/kinds.js';

const MIB = 2 ** 20;
const MESSAGES = 512;
const BYTES = 4 * MIB;

/** What the family's memory takes of the machine. */
function sharedBytes(): number {
  return fstatSync((binding().arenaInfo() as { fd: number }).fd).blocks * 512;
}

test('memory for a message is of just its size, small or large', () => {
  for (const bytes of [0, 1, 4096, 32_768, 100_001, 2 ** 25, 2 ** 25 + 1]) {
    const memory = messageMemory(bytes);
    assert.equal(memory.length, bytes);
    assert.equal(memory.buffer.byteLength, bytes);
  }
});

test('a queue uses the memory of large items again, and gives it back when no item was taken for a second', async () => {
  const item = Buffer.alloc(24 * MIB, 1);
  const queue = new Queue<Buffer>();
  const before = sharedBytes();
  for (let i = 0; i < 6; i++) await queue.put(item);
  const most = sharedBytes() - before;
  assert.ok(most >= 6 * item.length, `${most} bytes for 6 items inside`);
  for (let i = 0; i < 6; i++) assert.equal((await queue.get()).length, item.length);
  for (let i = 0; i < 6; i++) {
    await queue.put(item);
    assert.equal((await queue.get()).length, item.length);
    assert.ok(sharedBytes() - before <= most, `${sharedBytes() - before} bytes in all`);
  }
  // the last item's memory, and what an idle queue keeps
  while (sharedBytes() - before > 24 * MIB + 18 * MIB) await sleep(20);
  queue.close();
});

eachKind('blocking code gives the memory of large items back when none comes for a second', async (kind, t) => {
  const queue = new Queue<Buffer | null>();
  const child = await startChild(
    kind,
    t,
    (source: Queue<Buffer | null>) => {
      while (source.getSync() !== null);
    },
    [queue],
  );
  const before = sharedBytes();
  for (let i = 0; i < 6; i++) await queue.put(Buffer.alloc(24 * MIB, 1));
  while (queue.qsize() > 0 || sharedBytes() - before > 24 * MIB + 18 * MIB) await sleep(20);
  await queue.put(null);
  await child.join();
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
