/**
 * Workers whose heap is soon full, for the cells of the crash matrices that run out of it.
 *
 * Runs in test processes.
 */

/** Calls `start`; the workers that it starts have a small heap if the action needs that. */
export function withSmallHeap<T>(action: string, start: () => T): T {
  const restore = action === 'out of memory' ? makeHeapsSmall() : () => {};
  try {
    return start();
  } finally {
    restore();
  }
}

/** All workers that are started from now on have a small heap, until the function that this gives is called. */
export function makeHeapsSmall(): () => void {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `${before ?? ''} --max-old-space-size=${HEAP_MB}`;
  return () => {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  };
}

const HEAP_MB = 40;
