/**
 * How a proxy has its object called: over a link to the server, or in the server itself.
 *
 * Runs in clients and servers. Types only.
 */

/** Calls the methods of the objects of one manager. */
export interface Caller {
  /** Calls a method; an abort cancels a call that waits. */
  call(target: CallTarget, method: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown>;
  /** As `call`, but blocks this thread. */
  callSync(target: CallTarget, method: string, args: readonly unknown[]): unknown;
  /** Calls without waiting for the end, or for an error. */
  post(object: number, method: string, args: readonly unknown[]): void;
}

/** What is called. */
export interface CallTarget {
  /** The number of the object; 0: the server itself. */
  readonly object: number;
  /** Its proxy, for methods that return their object. */
  readonly proxy: unknown;
}
