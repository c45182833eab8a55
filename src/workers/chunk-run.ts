/**
 * Runs the calls of a chunk one after the other; stays synchronous as long as they do.
 *
 * Runs in workers only. An item's error is that item's, the others are called all the same.
 */
import type { ChunkResult } from './worker-frames.js';

type Encode = (error: unknown) => Uint8Array;

/** Calls for each item. @param encodeFailure Makes bytes of an error. */
export function runChunk(
  call: (item: unknown) => unknown,
  items: unknown[],
  encodeFailure: Encode,
): ChunkResult | Promise<ChunkResult> {
  return runFrom(0, call, items, { values: [], failures: [] }, encodeFailure);
}

/** The item has no value but an error. */
export function addFailure(result: ChunkResult, index: number, failure: Uint8Array): void {
  result.failures.push([index, failure]);
  result.values[index] = undefined;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

function runFrom(
  first: number,
  call: (item: unknown) => unknown,
  items: unknown[],
  result: ChunkResult,
  encodeFailure: Encode,
): ChunkResult | Promise<ChunkResult> {
  const { values } = result; // filled in order, so that it has no holes: such an array is encoded faster
  const { length } = items;
  for (let i = first; i < length; i++) {
    let value: unknown;
    try {
      value = call(items[i]);
      if (!isThenable(value)) {
        values[i] = value;
        continue;
      }
    } catch (error) {
      addFailure(result, i, encodeFailure(error));
      continue;
    }
    return runAfter(value, i, call, items, result, encodeFailure);
  }
  return result;
}

/** Apart from the loop, which would make a scope for each item otherwise. */
function runAfter(
  value: PromiseLike<unknown>,
  index: number,
  call: (item: unknown) => unknown,
  items: unknown[],
  result: ChunkResult,
  encodeFailure: Encode,
): Promise<ChunkResult> {
  const goOn = () => runFrom(index + 1, call, items, result, encodeFailure);
  return Promise.resolve(value).then(
    (settled) => {
      result.values[index] = settled;
      return goOn();
    },
    (error: unknown) => {
      addFailure(result, index, encodeFailure(error));
      return goOn();
    },
  );
}
