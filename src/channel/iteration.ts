/**
 * Iterating over what comes through a channel.
 *
 * Runs in every process and thread.
 */

/**
 * Gets items until one of the errors comes that mean the end; another error ends it too, and is thrown.
 *
 * @param get Its calls are served in their order, so that several calls of `next` may be pending.
 */
export function iterationOf<T>(
  get: () => Promise<T>,
  isEnd: (error: unknown) => boolean,
): AsyncIterableIterator<T, void, undefined> {
  let isOver = false;
  const found = (value: T): IteratorResult<T, void> => ({ done: false, value });
  const ended = (error: unknown): IteratorResult<T, void> => {
    isOver = true;
    if (!isEnd(error)) throw error;
    return OVER;
  };
  return {
    next: () => (isOver ? Promise.resolve(OVER) : get().then(found, ended)),
    return: () => {
      isOver = true;
      return Promise.resolve(OVER);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const OVER: IteratorResult<never, void> = Object.freeze({ done: true, value: undefined });
