/**
 * Servers that do not fork: a node that has loaded the modules and waits to become one child. One is kept ready; what
 * needs flags, an environment or a working directory of its own is started at need.
 *
 * Runs in parents. Works wherever processes work; each child has a memory of its own.
 */
import { childEnvironment } from '../child-setup.js';
import type { LaunchRequest } from '../launcher.js';
import { execArgvForChild } from '../../wire/loader-flags.js';
import { ForkServerChild } from './server-process.js';

/** The standby servers of this thread. */
export class Standby {
  #ready: ForkServerChild | undefined;
  #replacing = false;
  #stopped = false;

  /**
   * A server for one child, to whom it belongs from now on.
   *
   * @param own What the child needs from its start on; undefined: nothing that the one that is kept has not.
   * @throws {SystemError} If none can be started.
   */
  take(own?: Pick<LaunchRequest, 'execArgv' | 'env' | 'cwd'>): ForkServerChild {
    if (own !== undefined) return new ForkServerChild({ forks: false, flags: own.execArgv, env: own.env, cwd: own.cwd });
    const ready = this.#ready;
    this.#ready = undefined;
    this.#replaceLater();
    if (ready?.ended === false) return ready;
    ready?.discard();
    return startOne();
  }

  /** Ends the one that is kept. */
  stop(): void {
    this.#stopped = true;
    this.#ready?.discard();
    this.#ready = undefined;
  }

  /** Not at once: the child that was just started goes first. */
  #replaceLater(): void {
    if (this.#replacing) return;
    this.#replacing = true;
    setTimeout(() => {
      this.#replacing = false;
      if (this.#stopped || this.#ready !== undefined) return;
      try {
        this.#ready = startOne();
      } catch {
        // the next child tells why none can be started
      }
    }, REPLACE_MS).unref();
  }
}

function startOne(): ForkServerChild {
  return new ForkServerChild({ forks: false, flags: execArgvForChild(), env: childEnvironment(undefined) });
}

const REPLACE_MS = 20;
