/**
 * `carry`: values of `AsyncLocalStorage` that reach the tasks submitted where they are set.
 *
 * Runs in every process. A storage is known by its name: the module that makes it runs on both sides.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';

const storages = new Map<string, AsyncLocalStorage<unknown>>();

/**
 * Marks a storage: the value it has where a task is submitted is the value it has in the task.
 *
 * - Call it where the storage is made, at the top of a module that the task's module imports: it must run in the worker too.
 *   In a worker that does not know the name the value is left out.
 * - The value is copied as an argument is; one that cannot be sent fails the submit's own future.
 * - A map takes the values of its call, whenever its items are read.
 *
 * @param name The same in every process; a second storage of one name takes the place of the first.
 * @returns The storage.
 * @throws {TypeError} If the name is empty or the storage is none.
 *
 * @example
 * export const request = carry('request', new AsyncLocalStorage<{ id: string }>());
 * request.run({ id: 'r-1' }, () => executor.submit(handle, order)); // request.getStore().id is 'r-1' in handle
 *
 * @python none; `contextvars` stay in their process.
 */
export function carry<T>(name: string, storage: AsyncLocalStorage<T>): AsyncLocalStorage<T> {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`Cannot carry a storage: name must be a non-empty string, received ${String(name)}`);
  if (typeof storage?.run !== 'function' || typeof storage.getStore !== 'function')
    throw new TypeError(
      `Cannot carry ${name}: storage must be an AsyncLocalStorage, received ${storage === null ? 'null' : typeof storage}`,
    );
  storages.set(name, storage as AsyncLocalStorage<unknown>);
  return storage;
}

/** The values that are set here, by name; undefined: none. */
export function carriedValues(): Record<string, unknown> | undefined {
  let values: Record<string, unknown> | undefined;
  for (const [name, storage] of storages) {
    const value = storage.getStore();
    if (value === undefined) continue;
    values ??= {};
    values[name] = value;
  }
  return values;
}

/** Calls with these values set, where their names are known. */
export function withCarried<R>(values: Readonly<Record<string, unknown>>, call: () => R): R {
  let wrapped = call;
  for (const [name, value] of Object.entries(values)) {
    const storage = storages.get(name);
    const inner = wrapped;
    if (storage !== undefined) wrapped = () => storage.run(value, inner);
  }
  return wrapped();
}
