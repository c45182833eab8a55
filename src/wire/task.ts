/**
 * `task(env, factory)`: a function with an explicit environment, which travels without any inspection.
 *
 * Runs in the sending process; the factory runs there and once more in each receiver.
 */
import { callerFile } from './function-caller.js';

/** What makes a task function again elsewhere. */
export interface TaskParts {
  readonly env: unknown;
  readonly factory: (env: never) => unknown;
  readonly url: string;
  readonly line: number;
}

/**
 * Makes a task function out of an environment and a factory.
 *
 * - The factory may use its parameter and globals only: no variables or imports around it (`await import()` works).
 * - The environment is copied to the receiver at each submit, like any other value.
 * - Works where functions cannot be inspected (`--permission`, other engines), in bundles and minified code.
 *
 * @param env What the function needs, by name.
 * @param factory Makes the function; its text is what travels.
 * @returns The function; it may also be called here.
 * @throws {TypeError} If `factory` is no function, or does not return one.
 * @example
 * const scaled = task({ factor }, ({ factor }) => (x: number) => x * factor);
 */
export function task<E, F extends (...args: never[]) => unknown>(env: E, factory: (env: E) => F): F {
  if (typeof factory !== 'function')
    throw new TypeError(`Cannot make a task: the factory must be a function, received ${typeof factory}`);
  const fn = factory(env);
  if (typeof fn !== 'function')
    throw new TypeError(`Cannot make a task: the factory must return a function, received ${typeof fn}`);
  tasks.set(fn, { env, factory, ...callerFile(task) });
  return fn;
}

/** How a function was made, if `task` made it. */
export function taskParts(fn: object): TaskParts | undefined {
  return tasks.get(fn);
}

const tasks = new WeakMap<object, TaskParts>();
