/**
 * What the forkserver is to load before it makes the first copy of itself: chosen by the program, read by whoever starts the server.
 *
 * Runs in parents.
 */

export interface ForkserverPreload {
  /** Specifiers of modules. */
  readonly modules: readonly string[];
  /** What becomes of a module that cannot be loaded: nothing, a warning, or no forkserver. */
  readonly onError: 'ignore' | 'warn' | 'fail';
}

const ON_ERROR: readonly unknown[] = ['ignore', 'warn', 'fail'];
let preload: ForkserverPreload = { modules: [], onError: 'ignore' };

/**
 * Has modules loaded in the forkserver, so that its children find them loaded. To be called before the first of them starts.
 *
 * @param options `onError`: what becomes of a module that cannot be loaded: 'ignore' (default), 'warn' or 'fail'.
 * @throws {TypeError|RangeError} If an argument is wrong.
 *
 * @python `multiprocessing.set_forkserver_preload()`
 */
export function setForkserverPreload(
  modules: readonly string[],
  { onError = 'ignore' }: { readonly onError?: ForkserverPreload['onError'] | undefined } = {},
): void {
  const act = 'Cannot set the preload of the forkserver';
  if (!Array.isArray(modules) || !modules.every((each) => typeof each === 'string'))
    throw new TypeError(`${act}: modules must be an array of strings, received ${String(modules)}`);
  if (!ON_ERROR.includes(onError))
    throw new RangeError(`${act}: onError must be 'ignore', 'warn' or 'fail', received ${String(onError)}`);
  preload = { modules: [...modules], onError };
}

/** What was chosen last. */
export function forkserverPreload(): ForkserverPreload {
  return preload;
}
