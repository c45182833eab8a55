/**
 * `remote(() => import('./worker.ts'))`: the functions of a module, typed, without loading the module here.
 *
 * Runs in the sending process. The receiver evaluates the `import()` as if it stood in the caller's file.
 */
import { callerFile } from './function-caller.js';

/** The functions and classes of a module, to be handed to processes, pools and executors. */
export type Remote<M> = {
  readonly [K in keyof M as M[K] extends ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown)
    ? K
    : never]: M[K];
};

/** What a remote function stands for. */
export interface RemoteParts {
  readonly load: () => Promise<unknown>;
  readonly name: string;
  readonly url: string;
}

/**
 * Names a module whose functions are tasks.
 *
 * - The module is loaded by the workers only, at the first task; a missing function fails that task.
 * - Needs no inspection; bundlers rewrite the `import()` to the right chunk.
 *
 * @param load An arrow function that imports the module and does nothing else.
 * @returns An object with the module's functions; they may be sent, not called here.
 * @throws {TypeError} If `load` is no function.
 * @example
 * const worker = remote(() => import('./worker.ts'));
 * await executor.submit(worker.resize, 'a.png').result();
 */
export function remote<M>(load: () => Promise<M>): Remote<M> {
  if (typeof load !== 'function')
    throw new TypeError(`Cannot name a remote module: it must be () => import('…'), received ${typeof load}`);
  const { url } = callerFile(remote);
  const members = new Map<string, object>();
  const member = (name: string): object => {
    let fn = members.get(name);
    if (fn === undefined) {
      fn = { [name]: (): never => refuseCall(name) }[name] as object;
      parts.set(fn, { load, name, url });
      members.set(name, fn);
    }
    return fn;
  };
  return new Proxy(Object.freeze({}), {
    // A promise would be taken for one by `await`.
    get: (_, key) => (typeof key === 'string' && key !== 'then' ? member(key) : undefined),
  }) as Remote<M>;
}

/** What a function stands for, if `remote` made it. */
export function remoteParts(fn: object): RemoteParts | undefined {
  return parts.get(fn);
}

function refuseCall(name: string): never {
  throw new TypeError(`Cannot call the remote function '${name}' here: hand it to a Process, pool or executor`);
}

const parts = new WeakMap<object, RemoteParts>();
