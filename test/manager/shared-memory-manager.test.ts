/**
 * SharedMemoryManager: named memory that goes with its manager, used by every kind of child.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { InvalidStateError, type ManagerDiedError, type ShareableList, SharedMemory, SharedMemoryManager } from '#src/index.js';
import { eachKind, inChild } from '../support/kinds.js';
import { isThere } from '../memory/memory-support.js';

const PROGRAM = fileURLToPath(new URL('../../test/fixtures/memory/manager-memory.mjs', import.meta.url));
const run = promisify(execFile);

const asContext = (name: string) => (name === 'thread' ? {} : { context: name as 'spawn' | 'forkserver' });

eachKind(
  'what a manager made is shared with children, and its names go at shutdown  [_TestSharedMemory.test_shared_memory_SharedMemoryManager_basics] [G-37]',
  async (kind, t) => {
    const manager = new SharedMemoryManager(asContext(kind.name));
    await assert.rejects(manager.SharedMemory(8), InvalidStateError);
    await manager.start();
    t.after(() => manager.shutdown());
    const lists = [await manager.ShareableList([0, 1, 2]), await manager.ShareableList(['a', null])] as const;
    const memories = [await manager.SharedMemory(32), await manager.SharedMemory(16)] as const;
    assert.deepEqual([memories[0].size, memories[1].size], [32, 16]);
    await assert.rejects(manager.SharedMemory(0), RangeError);
    await assert.rejects(manager.ShareableList([{} as never]), TypeError);
    await inChild(
      kind,
      t,
      (list: ShareableList, memory: SharedMemory) => {
        for (let index = 0; index < list.length; index++) list.set(index, (list.at(index) as number) * 2);
        new Uint8Array(memory.buffer)[0] = 7;
      },
      lists[0],
      memories[0],
    );
    assert.deepEqual([...lists[0]], [0, 2, 4]);
    assert.equal(new Uint8Array(memories[0].buffer)[0], 7);

    memories[1].unlink(); // before its manager
    const later = await inChild(kind, t, async (sent: SharedMemoryManager) => (await sent.SharedMemory(8)).name, manager);
    const names = [...memories.map(({ name }) => name), ...lists.map(({ shm }) => shm.name), later];
    assert.deepEqual(names.map(isThere), [true, false, true, true, true]);
    await manager.shutdown();
    assert.deepEqual(names.map(isThere), [false, false, false, false, false]);
    assert.deepEqual([...lists[0]], [0, 2, 4]); // who has it open goes on
    assert.throws(() => new SharedMemory({ name: names[0] }), { code: 'ENOENT' });
    for (const each of [...memories, ...lists.map(({ shm }) => shm)]) each.close();
    await assert.rejects(manager.SharedMemory(8), { name: 'ClosedError' });
  },
);

eachKind(
  'a server goes on after SIGINT  [_TestSharedMemory.test_shared_memory_SharedMemoryServer_ignores_sigint]',
  async (kind, t) => {
    const manager = await new SharedMemoryManager(asContext(kind.name)).start();
    t.after(() => manager.shutdown());
    const list = await manager.ShareableList([0, 1]);
    process.kill(manager.process?.pid as number, 'SIGINT');
    const other = await manager.ShareableList([2, 3]);
    assert.deepEqual([...list, ...other], [0, 1, 2, 3]);
    await manager.shutdown();
    assert.deepEqual(
      [list.shm, other.shm].map(({ name }) => isThere(name)),
      [false, false],
    );
    for (const { shm } of [list, other]) shm.close();
  },
);

eachKind('memory that a dead server cannot keep is not made; what it kept stays until the program ends', async (kind, t) => {
  const manager = await new SharedMemoryManager(asContext(kind.name)).start();
  t.after(() => manager.shutdown());
  const memory = await manager.SharedMemory(8);
  manager.process?.kill();
  await manager.join();
  await assert.rejects(manager.SharedMemory(8), (error: ManagerDiedError) => error.name === 'ManagerDiedError');
  assert.ok(isThere(memory.name));
  memory.unlink();
  memory.close();
});

test('a program that forgets its manager leaves no name and says nothing  [_TestSharedMemory.test_shared_memory_SharedMemoryManager_reuses_resource_tracker]', async () => {
  for (const how of ['shutdown', 'forget']) {
    const { stdout, stderr } = await run(process.execPath, [PROGRAM, how]);
    const names = JSON.parse(stdout) as string[];
    assert.equal(stderr, '');
    assert.equal(names.length, 2);
    assert.deepEqual(names.filter(isThere), []);
  }
});
