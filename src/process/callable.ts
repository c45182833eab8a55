/**
 * What a child calls: a function as it is, a class with `new`.
 *
 * Runs in children.
 */

type Callable = (...args: unknown[]) => unknown;

/** @throws {TypeError} If it is no function. */
export function callable(task: unknown): Callable {
  if (typeof task !== 'function') throw new TypeError(`Cannot run the task: it is no function, received ${String(task)}`);
  if (!/^class\b/.test(Function.prototype.toString.call(task))) return task as Callable;
  return (...args) => Reflect.construct(task, args) as unknown;
}
