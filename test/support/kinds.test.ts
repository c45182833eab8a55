import assert from 'node:assert/strict';
import { threadId } from 'node:worker_threads';
import { Lock } from '#src/index.js';
import { eachKind, inChild, startChild } from './kinds.js';

eachKind('a child of this kind is where it says', async (kind, t) => {
  const [pid, isMainThread] = await inChild(kind, t, async () => {
    const { isMainThread } = await import('node:worker_threads');
    return [process.pid, isMainThread];
  });
  assert.equal(pid === process.pid, !kind.separate);
  assert.equal(isMainThread, kind.separate);
  assert.equal(threadId, 0);
});

eachKind('shared objects reach a child of this kind', async (kind, t) => {
  const lock = new Lock();
  lock.acquireSync();
  const child = await startChild(kind, t, (shared: Lock) => shared.run(() => 'mine'), [lock]);
  lock.release();
  assert.equal(await child.result(), 'mine');
});
