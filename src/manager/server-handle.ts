/**
 * The server process of a manager, for whoever started it.
 *
 * Runs in the process that starts a manager. When the server dies without a word, its socket is removed here.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import type { Address } from '../channel/address.js';
import { ManagerDiedError, TimeoutError } from '../errors.js';
import { startInBackground } from '../process/background.js';
import type { Process } from '../process/process.js';
import type { Wait } from '../substrate/wait-limit.js';
import type { ManagerOptions } from './manager-options.js';
import { serveManager } from './server.js';
import type { ServerPlan } from './server-plan.js';

export class ServerHandle {
  readonly process: Process;

  private constructor(process: Process) {
    this.process = process;
  }

  /** Starts the process; it does not serve yet. @throws {SerializationError} If something in the plan cannot be sent. */
  static async start(plan: ServerPlan, { name, context }: ManagerOptions, baseName: string): Promise<ServerHandle> {
    const process = await startInBackground({
      name: name ?? (baseName || 'Manager'),
      counted: name === undefined,
      target: serveManager,
      args: [plan],
      options: { context },
    });
    return new ServerHandle(process);
  }

  /**
   * Waits until it answers.
   *
   * @param ask Asks it where it listens.
   * @throws Why it does not come to serve.
   */
  async whenServing(ask: () => Promise<unknown>): Promise<Address | null> {
    const { process } = this;
    const ended = process.sentinel.ready.then(async () => {
      const gone = `Cannot start the manager: its server process ended with exit code ${process.exitCode}`;
      throw ((await process.exception()) as Error | null) ?? new ManagerDiedError(gone);
    });
    ended.catch(() => undefined); // it may end at any later time
    try {
      const address = (await Promise.race([ask(), ended])) as Address | null;
      if (typeof address === 'string') this.#watchFile(address);
      return address;
    } catch (error) {
      throw error instanceof ManagerDiedError ? ((await process.exception()) ?? error) : error;
    }
  }

  async join(wait: Wait | undefined): Promise<void> {
    await this.process.exception(wait);
  }

  /** Ends it: as `ask` asks it, then by SIGTERM, then by SIGKILL. */
  async end(stepMs: number, ask: () => Promise<unknown>): Promise<void> {
    const { process } = this;
    const asked = ask().catch(() => undefined); // it may be dead already
    if (await this.#hasEnded(stepMs)) return;
    process.terminate();
    if (await this.#hasEnded(stepMs)) return;
    process.kill();
    await process.exception();
    await asked;
  }

  /** Waits so long for its end; whether it came. */
  async #hasEnded(ms: number): Promise<boolean> {
    try {
      await this.process.exception(ms);
      return true;
    } catch (error) {
      if (error instanceof TimeoutError) return false;
      throw error;
    }
  }

  /** A server that is killed cannot remove its socket. */
  #watchFile(path: string): void {
    const inode = inodeOf(path);
    const remove = () => {
      if (inode !== undefined && inodeOf(path) === inode) unlinkSync(path);
    };
    this.process.sentinel.ready.then(remove, () => undefined);
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}
