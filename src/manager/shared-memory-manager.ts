/**
 * `SharedMemoryManager`: named shared memory that goes with a manager.
 *
 * Runs in every process. Memory is made where it is asked for; the server only sees to its end.
 */
import { type Shareable, ShareableList } from '../memory/shareable-list.js';
import { SharedMemory } from '../memory/shared-memory.js';
import { BaseManager } from './base-manager.js';
import { addBuiltinTypes } from './data-manager.js';
import type { HostedMemory } from './hosted-memory.js';
import type { Proxy } from './proxy-types.js';

/**
 * A manager of named shared memory: what it made goes when it shuts down, at the latest with the program.
 *
 * - Whoever has the memory open then goes on; nobody can open it by its name any more.
 * - A manager whose server was killed leaves the names to the end of the program.
 *
 * @example
 * const manager = await new SharedMemoryManager().start();
 * const memory = await manager.SharedMemory(1024);
 * const list = await manager.ShareableList(['a', 1, true]);
 * await manager.shutdown();
 *
 * @python `multiprocessing.managers.SharedMemoryManager`
 */
export class SharedMemoryManager extends BaseManager {
  /**
   * New memory, all zero.
   *
   * @param size Bytes.
   * @throws {RangeError} If it is no positive integer. {ResourceExhaustedError} If there is not so much memory.
   */
  async SharedMemory(size: number): Promise<SharedMemory> {
    const server = await whoKeeps(this);
    return kept(server, new SharedMemory({ create: true, size }));
  }

  /** A new list. @throws {TypeError|RangeError} If an item cannot be in one. */
  async ShareableList(items: Iterable<Shareable>): Promise<ShareableList> {
    const server = await whoKeeps(this);
    const list = new ShareableList(items);
    await kept(server, list.shm);
    return list;
  }
}

/** Not in the manager itself: one that was sent has no private members of a subclass. */
const servers = new WeakMap<SharedMemoryManager, Promise<Proxy<HostedMemory>>>();

async function whoKeeps(manager: SharedMemoryManager): Promise<Proxy<HostedMemory>> {
  const server = servers.get(manager) ?? (manager.create('Memory') as Promise<Proxy<HostedMemory>>);
  servers.set(manager, server);
  try {
    return await server;
  } catch (error) {
    servers.delete(manager); // before start(), for one
    throw error;
  }
}

/** What the server does not take, nobody would remove in time. */
async function kept(server: Proxy<HostedMemory>, memory: SharedMemory): Promise<SharedMemory> {
  try {
    await server.keep(memory);
    return memory;
  } catch (error) {
    memory.unlink();
    memory.close();
    throw error;
  }
}

addBuiltinTypes(SharedMemoryManager, ['Memory']);
