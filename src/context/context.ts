/**
 * Contexts: everything of the library, bound to one start method.
 *
 * Runs in every process. A context that a function captures is that of the same start method where the function runs.
 */
import type { ProcessPoolExecutorOptions } from '../futures/executor-options.js';
import { ProcessPoolExecutor } from '../futures/process-pool-executor.js';
import { InvalidStateError } from '../errors.js';
import { Manager, type SyncManager } from '../manager/sync-manager.js';
import type { ManagerOptions } from '../manager/manager-options.js';
import { Pool } from '../pool/pool.js';
import type { PoolOptions } from '../pool/pool-options.js';
import { ForkServerProcess } from '../process/forkserver-process.js';
import { setForkserverPreload } from '../process/forkserver-preload.js';
import type { Process } from '../process/process.js';
import { SpawnProcess } from '../process/spawn-process.js';
import { checkStartMethod, getAllStartMethods, getStartMethod, type StartMethod } from '../process/start-method.js';
import { deserialize, serialize } from '../wire/class-hooks.js';
import * as members from './context-members.js';

/** What contexts of all start methods have in common. */
abstract class BaseContext {
  readonly #method: StartMethod;
  /** Its processes start by its method. */
  readonly Process: typeof Process;
  readonly Pool: typeof Pool;
  readonly ProcessPoolExecutor: typeof ProcessPoolExecutor;
  /** Starts managers whose servers start by its method. */
  readonly Manager: typeof Manager;
  readonly getAllStartMethods: typeof getAllStartMethods = getAllStartMethods;
  readonly setForkserverPreload: typeof setForkserverPreload = setForkserverPreload;

  constructor(method: StartMethod, ProcessClass: typeof Process) {
    this.#method = method;
    this.Process = ProcessClass;
    this.Pool = class extends Pool {
      constructor(options: number | PoolOptions = {}) {
        super({ context: method, ...(typeof options === 'number' ? { processes: options } : options) });
      }
    };
    this.ProcessPoolExecutor = class extends ProcessPoolExecutor {
      constructor(options: ProcessPoolExecutorOptions = {}) {
        super({ context: method, ...options });
      }
    };
    this.Manager = (options?: ManagerOptions): Promise<SyncManager> => Manager({ context: method, ...options });
    for (const each of [this.Pool, this.ProcessPoolExecutor])
      Object.defineProperty(each, 'name', { value: (Object.getPrototypeOf(each) as typeof each).name });
    Object.assign(this, members);
  }

  /** Its own start method. */
  getStartMethod(): StartMethod {
    return this.#method;
  }

  /** @throws {InvalidStateError} Always: a context has one start method for ever. */
  setStartMethod(method: StartMethod | null): never {
    throw new InvalidStateError(
      `Cannot set the start method of a context: it is '${this.#method}' for ever, received ${String(method)}`,
    );
  }

  /** The context of a start method; without one, this context. */
  getContext(method?: StartMethod): Context {
    return method === undefined ? (this as unknown as Context) : getContext(method);
  }

  static {
    const hooks = {
      [serialize]: (context: BaseContext): StartMethod => context.#method,
      [deserialize]: (method: StartMethod): Context => getContext(method),
    };
    Object.assign(BaseContext, hooks);
  }
}

/** The context of the start method `spawn`. @python `multiprocessing.context.SpawnContext` */
export class SpawnContext extends BaseContext {
  constructor() {
    super('spawn', SpawnProcess);
  }
}

/** The context of the start method `forkserver`. @python `multiprocessing.context.ForkServerContext` */
export class ForkServerContext extends BaseContext {
  constructor() {
    super('forkserver', ForkServerProcess);
  }
}

/**
 * Everything of the library, bound to one start method: `context.Process`, `context.Pool`, `context.Queue` …
 *
 * @python `multiprocessing.context.BaseContext`
 */
export type Context = BaseContext & typeof members;

const contexts = new Map<StartMethod, Context>();

/**
 * The context of a start method, one object for each.
 *
 * - With a method, the choice of the program (`setStartMethod`) is neither made nor asked for.
 * - Without one, it is the context of the choice, which the default becomes if none was made.
 *
 * @throws {TypeError|RangeError} If this program cannot start processes so.
 *
 * @example
 * const context = getContext('spawn');
 * const queue = new context.Queue();
 * await new context.Process({ target: () => queue.put(1) }).start();
 *
 * @python `multiprocessing.get_context()`
 */
export function getContext(method?: StartMethod): Context {
  const wanted = checkStartMethod('get a context', method ?? getStartMethod());
  let context = contexts.get(wanted);
  if (context === undefined) {
    context = (wanted === 'forkserver' ? new ForkServerContext() : new SpawnContext()) as BaseContext as Context;
    contexts.set(wanted, context);
  }
  return context;
}
