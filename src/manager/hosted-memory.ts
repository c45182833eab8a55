/**
 * Named shared memory that goes with a server.
 *
 * Runs in servers. The name goes with `unlink()` by whoever has it, at the latest with this process; who dies between making memory and
 * handing it over here, or kills this process, leaves it to the end of the family, as all named memory.
 */
import type { SharedMemory } from '../memory/shared-memory.js';

const kept = new Set<SharedMemory>();

export class HostedMemory {
  /** Takes memory into custody. */
  keep(memory: SharedMemory): void {
    if (kept.size === 0) process.once('exit', removeAll);
    for (const each of kept) if (!isLinked(each)) drop(each);
    kept.add(memory);
  }
}

/** Whether the name is still there; if another has it by now, that is kept by somebody else. */
function isLinked(memory: SharedMemory): boolean {
  return process.getBuiltinModule('node:fs').existsSync(`/dev/shm/${memory.name}`);
}

function drop(memory: SharedMemory): void {
  kept.delete(memory);
  memory.unlink();
  memory.close();
}

function removeAll(): void {
  for (const memory of kept) drop(memory);
}
