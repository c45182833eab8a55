/**
 * Errors that are alike, one for each of very many tasks.
 *
 * Runs in the parent. Only the first looks where it is made: a look costs 10 µs and more, and a million tasks may end at once.
 */
import { withoutStack } from '../wire/stack-traces.js';

/** Makes an error of its own for each call; all have the stack of the first. */
export function errorSeries(make: () => Error): () => Error {
  let stack: string | undefined;
  return () => {
    if (stack === undefined) {
      const first = make();
      stack = first.stack ?? '';
      return first;
    }
    const error = withoutStack(make);
    error.stack = stack;
    return error;
  };
}
