/**
 * Tells many tasks of one abort: a signal that thousands of tasks share has one listener.
 *
 * Runs in the process that submits.
 */

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back when `signal` aborts. @returns Takes that back. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = waiting.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  waiting.set(signal, callbacks);
  signal.addEventListener(
    'abort',
    () => {
      waiting.delete(signal);
      for (const callback of callbacks) callback();
    },
    { once: true },
  );
  return callbacks;
}
