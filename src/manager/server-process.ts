/**
 * `ServerProcess`: a manager for classes of one's own, as in mpservice.
 *
 * Runs in every process.
 */
import { InvalidStateError } from '../errors.js';
import type { ElementOf, TypeCode } from '../memory/type-codes.js';
import { BaseManager } from './base-manager.js';
import type { RegisterOptions } from './manager-options.js';
import { MemoryBlock } from './memory-block.js';
import type { ArrayProxy, DictProxy, ListProxy, NamespaceProxy, ValueProxy } from './proxy-faces.js';
import type { Registrable } from './proxy-types.js';
import { addType, typesOf } from './registry.js';
import type { DictInit } from './sync-manager.js';

/**
 * A server process for objects of one's own classes.
 *
 * - Methods may return `managed(object)` anywhere in their results: callers get proxies there.
 * - `MemoryBlock` gives shared memory that is mapped, not copied.
 * - Types cannot be registered twice; names of methods begin with no underscore.
 *
 * @python `mpservice.multiprocessing.server_process.ServerProcess`
 */
export class ServerProcess extends BaseManager {
  /** As in BaseManager. @throws {InvalidStateError} If the name is registered already. */
  static override register(typeId: string, callable?: Registrable, options: RegisterOptions = {}): void {
    if (typesOf(this).has(typeId)) throw new InvalidStateError(`Cannot register ${typeId}: it is registered already`);
    super.register(typeId, callable, options);
  }

  dict<K = unknown, V = unknown>(init: DictInit<K, V> = []): Promise<DictProxy<K, V>> {
    return this.create('dict', Symbol.iterator in init ? [...init] : Object.entries(init)) as Promise<DictProxy<K, V>>;
  }

  list<T = unknown>(items: Iterable<T> = []): Promise<ListProxy<T>> {
    return this.create('list', [...items]) as Promise<ListProxy<T>>;
  }

  Namespace<A extends object = Record<string, unknown>>(attributes?: A): Promise<NamespaceProxy<A>> {
    return this.create('Namespace', { ...attributes }) as Promise<NamespaceProxy<A>>;
  }

  Value<C extends TypeCode | 'bool' | 'json'>(code: C, value?: ElementOf<C>): Promise<ValueProxy<C>> {
    return this.create('Value', code, value) as Promise<ValueProxy<C>>;
  }

  Array<C extends TypeCode>(code: C, init: number | Iterable<ElementOf<C>>): Promise<ArrayProxy<C>> {
    return this.create('Array', code, typeof init === 'number' ? init : [...init]) as Promise<ArrayProxy<C>>;
  }

  /** Shared memory, all zero. It needs no server: whoever gets it has it mapped. */
  async MemoryBlock(size: number): Promise<MemoryBlock> {
    return new MemoryBlock(size);
  }
}

for (const typeId of ['dict', 'list', 'Namespace', 'Value', 'Array'])
  addType(ServerProcess, { typeId, callable: undefined, isBuiltin: true });
