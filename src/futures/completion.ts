/**
 * What `wait` and `asCompleted` need of the things they wait for: futures, processes, and whatever has their face.
 *
 * Runs in the process that waits. Keeps nothing of what it watches once that is done.
 */

/** Something that ends once, with a result or an error. */
export interface Completable {
  done(): boolean;
  /** Resolves at the end to the error, or to null; rejects if it was cancelled. */
  exception(): Promise<unknown>;
  cancelled?(): boolean;
}

/** The items without repetitions. @throws {TypeError} If one of them cannot be waited for. */
export function completables<T extends Completable>(act: string, items: Iterable<T>): Set<T> {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items))
    throw new TypeError(`Cannot ${act}: it takes an iterable of futures or processes, received ${String(items)}`);
  const all = new Set(items);
  for (const item of all) {
    const { done, exception } = Object(item) as Partial<Completable>;
    if (typeof done !== 'function' || typeof exception !== 'function')
      throw new TypeError(
        `Cannot ${act}: each item must be a future or a process, received ${item === null ? 'null' : typeof item}`,
      );
  }
  return all;
}

/** What is told of an item. */
export interface Watcher<T> {
  /** It is done; `failed`: with an error of its own, a cancelled one has none. */
  completed(item: T, failed: boolean): void;
  /** It cannot be waited for, a process that was not started for instance. */
  refused(error: unknown): void;
}

/** Tells of the end of an item, in a later turn. */
export function watch<T extends Completable>(item: T, watcher: Watcher<T>): void {
  item.exception().then(
    (error) => watcher.completed(item, error !== null),
    (error: unknown) => {
      if (isOver(item)) watcher.completed(item, false);
      else watcher.refused(error);
    },
  );
}

function isOver(item: Completable): boolean {
  return item.cancelled?.() === true || item.done();
}
