/**
 * Servers that do not fork: a node that has loaded the modules and waits to become one child. One is kept ready; what
 * needs flags, an environment or a working directory of its own is started at need.
 *
 * Runs in parents. Works wherever processes work; each child has a memory of its own.
 */
import type { LaunchRequest } from '../process/launcher.js';
import { execArgvForChild } from '../wire/loader-flags.js';
import { ServerProcess } from './server-process.js';

/** What a node can be given only at its start. */
export interface StandbyStart extends Pick<LaunchRequest, 'cwd'> {
  /** Default: those of every child. */
  readonly flags?: readonly string[] | undefined;
  /** Changes of this process's environment that must be there from the start. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The standby servers of this thread. */
export class Standby {
  #ready: ServerProcess | undefined;
  #replacing = false;
  #stopped = false;

  /** A server for one child, to whom it belongs from now on. @throws {SystemError} If none can be started. */
  take(start?: StandbyStart): ServerProcess {
    if (start !== undefined) return startOne(start);
    const ready = this.#ready;
    this.#ready = undefined;
    this.#replaceLater();
    return ready === undefined || ready.ended ? startOne({}) : ready;
  }

  /** Ends the one that is kept. */
  stop(): void {
    this.#stopped = true;
    this.#ready?.kill();
    this.#ready = undefined;
  }

  /** Not at once: the child that was just started is waited for. */
  #replaceLater(): void {
    if (this.#replacing) return;
    this.#replacing = true;
    setTimeout(() => {
      this.#replacing = false;
      if (this.#stopped || this.#ready !== undefined) return;
      try {
        this.#ready = startOne({});
      } catch {
        // the next child tells why none can be started
      }
    }, REPLACE_MS).unref();
  }
}

function startOne({ flags, env, cwd }: StandbyStart): ServerProcess {
  return new ServerProcess({ forks: false, flags: flags ?? execArgvForChild(), env, cwd });
}

const REPLACE_MS = 20;
