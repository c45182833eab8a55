/**
 * `ServerProcess`: a manager for classes of one's own, as in mpservice.
 *
 * Runs in every process.
 */
import { InvalidStateError } from '../errors.js';
import { DataManager } from './data-manager.js';
import type { RegisterOptions } from './manager-options.js';
import { MemoryBlock } from './memory-block.js';
import type { Registrable } from './proxy-types.js';
import { typesOf } from './registry.js';

/**
 * A server process for objects of one's own classes.
 *
 * - Methods may return `managed(object)` anywhere in their results: callers get proxies there.
 * - `MemoryBlock` gives shared memory that is mapped, not copied.
 * - Types cannot be registered twice; names of methods begin with no underscore.
 *
 * @python `mpservice.multiprocessing.server_process.ServerProcess`
 */
export class ServerProcess extends DataManager {
  /** As in BaseManager. @throws {InvalidStateError} If the name is registered already. */
  static override register(typeId: string, callable?: Registrable, options: RegisterOptions = {}): void {
    if (typesOf(this).has(typeId)) throw new InvalidStateError(`Cannot register ${typeId}: it is registered already`);
    super.register(typeId, callable, options);
  }

  /** Shared memory, all zero. It needs no server: whoever gets it has it mapped. */
  async MemoryBlock(size: number): Promise<MemoryBlock> {
    return new MemoryBlock(size);
  }
}
