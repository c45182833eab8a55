/**
 * What all managers of data make: containers, attributes, values and arrays.
 *
 * Runs in every process.
 */
import type { ElementOf, TypeCode } from '../memory/type-codes.js';
import { BaseManager } from './base-manager.js';
import { firstAttributes, firstEntries, firstItems } from './first-content.js';
import type { ArrayProxy, DictProxy, ListProxy, NamespaceProxy, ValueProxy } from './proxy-faces.js';
import { addType } from './registry.js';

/** What a dict can begin with. */
export type DictInit<K, V> = Iterable<readonly [K, V]> | Readonly<Record<string, V>>;

/** The part that `SyncManager` and `ServerProcess` have in common. */
export abstract class DataManager extends BaseManager {
  async dict<K = unknown, V = unknown>(init: DictInit<K, V> = []): Promise<DictProxy<K, V>> {
    return this.create('dict', firstEntries(init)) as Promise<DictProxy<K, V>>;
  }

  async list<T = unknown>(items: Iterable<T> = []): Promise<ListProxy<T>> {
    return this.create('list', firstItems(items, 'a list')) as Promise<ListProxy<T>>;
  }

  async Namespace<A extends object = Record<string, unknown>>(attributes?: A): Promise<NamespaceProxy<A>> {
    return this.create('Namespace', firstAttributes(attributes ?? {})) as Promise<NamespaceProxy<A>>;
  }

  Value<C extends TypeCode | 'bool' | 'json'>(code: C, value?: ElementOf<C>): Promise<ValueProxy<C>> {
    return this.create('Value', code, value) as Promise<ValueProxy<C>>;
  }

  async Array<C extends TypeCode>(code: C, init: number | Iterable<ElementOf<C>>): Promise<ArrayProxy<C>> {
    return this.create('Array', code, typeof init === 'number' ? init : firstItems(init, 'an array')) as Promise<ArrayProxy<C>>;
  }
}

/** Gives a class of managers types that every server knows. */
export function addBuiltinTypes(managerClass: object, typeIds: readonly string[]): void {
  for (const typeId of typeIds) addType(managerClass, { typeId, callable: undefined, isBuiltin: true });
}

addBuiltinTypes(DataManager, ['dict', 'list', 'Namespace', 'Value', 'Array']);
