/**
 * A server that truly forks, as its parent has it: tested before its first child, replaced when it dies.
 *
 * Runs in parents, one at a time per thread.
 *
 * ```text
 * starting ──greeting──► testing ──its first child was well──► ready
 *     └────── refusal, failed test, death ──────────────────────► gone (why: `refusal`)
 * ```
 *
 * Its death takes no child with it: their ends are still heard of, their status still comes from the kernel.
 */
import { readFileSync } from 'node:fs';
import type { NativeFailure } from '../../native/addon-types.js';
import { binding } from '../../native/binding.js';
import { childEnvironment } from '../child-setup.js';
import { reaper } from '../reaper.js';
import { isFailure, orThrow } from '../../substrate/failure.js';
import { self } from '../../substrate/self.js';
import { flagsOfForking } from './fork-support.js';
import type { ChildOrder, Greeting } from './job.js';
import { type Preload, type PreloadFailure, preloadNow } from './preload.js';
import { ForkServerChild } from './server-process.js';

/** What the first child says of itself. */
export interface SelfTestReport {
  /** Tests that failed, by name, with the reason. */
  readonly failed: Readonly<Record<string, string>>;
  readonly random: number;
}

const TEST_MS = 30_000;

export class ForkServer {
  /** Settles when it is ready or gone. */
  readonly decided: Promise<void>;
  /** Why it is gone; undefined while it is not. */
  refusal: string | undefined;
  readonly preload: Preload = preloadNow();
  failures: readonly PreloadFailure[] = [];
  /** It became ready once. */
  wasReady = false;
  /** Another one would refuse as well. */
  isHopeless = false;
  readonly process: ForkServerChild;
  readonly #server: number;
  readonly #ownPidfd: number;
  #decide: () => void = () => {};
  #ready = false;
  #random: number | null = null;
  /** Children that were started and have not ended. */
  #living = 0;
  #retired = false;

  /** @throws {SystemError} If it cannot be started. */
  constructor() {
    this.decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
    this.process = new ForkServerChild({
      forks: true,
      flags: flagsOfForking(),
      env: childEnvironment(undefined),
      onGreeting: (greeting) => this.#greeted(greeting),
      onEnd: (status) => this.#giveUp(`it ended with ${status < 0 ? `signal ${-status}` : `code ${status}`}`),
    });
    const native = binding();
    this.#ownPidfd = native.pidfdOpen(process.pid);
    this.#server = orThrow('start a fork server', native.forkServerOpen(this.process.id, this.process.calls, this.process.reaps));
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Forks a child. A failure of the syscall 'forkserver' is the server's own: it is gone then. */
  fork(order: ChildOrder, fds: readonly number[], detached: boolean): { id: number; pid: number } | NativeFailure {
    const text = JSON.stringify({ ...order, random: this.#random } satisfies ChildOrder);
    const all = [...fds, this.#ownPidfd];
    const answer = binding().forkChild(this.#server, self().doorbell.member, text, order.cwd, all, detached);
    if (!isFailure(answer)) this.#living++;
    else if (answer.syscall === 'forkserver') this.stop(`it does not answer (error ${answer.errno})`);
    return answer;
  }

  /** To be called with the status of each child that it forked; gives it back. */
  ended(status: number): number {
    this.#living--;
    this.#stopIfUnused();
    return status;
  }

  /** There will be no more children: ends it with the last. */
  retire(): void {
    this.#retired = true;
    this.#stopIfUnused();
  }

  #stopIfUnused(): void {
    if (this.#retired && this.#living === 0) this.stop('it was replaced');
  }

  /** Ends it, and what it has still running. */
  stop(why: string): void {
    this.#giveUp(why);
    this.process.kill();
  }

  #giveUp(why: string): void {
    if (this.refusal !== undefined) return;
    this.refusal = why;
    this.#ready = false;
    this.process.forget();
    binding().forkServerClose(this.#server);
    if (this.#ownPidfd >= 0) binding().closeFd(this.#ownPidfd);
    this.#decide();
  }

  #greeted({ refusal, failures }: Greeting): void {
    this.failures = failures;
    if (this.preload.onError === 'warn')
      for (const { module, message } of failures)
        process.emitWarning(`Cannot preload '${module}' in the fork server: ${message}`);
    if (refusal !== undefined) {
      this.isHopeless = true;
      this.stop(refusal);
      return;
    }
    try {
      this.#test();
    } catch (error) {
      this.stop(`its test could not be started: ${String(error)}`);
    }
  }

  /** Its first child tries everything that a fork may break. */
  #test(): void {
    const native = binding();
    const [read, write] = orThrow('test the fork server', native.pipe());
    native.keepBell(read);
    const order = { program: 'self-test', home: '', env: {}, cwd: null, random: null } as const;
    const started = this.fork(order, [write, write, 2], false);
    native.closeFd(write);
    if (isFailure(started)) {
      native.closeFd(read);
      this.stop(`it cannot fork (error ${started.errno} of ${started.syscall})`);
      return;
    }
    const limit = setTimeout(() => native.signalChild(started.id, SIGKILL), TEST_MS).unref();
    reaper().watch(started.id, (status) => {
      clearTimeout(limit);
      this.ended(status);
      const said = status === 0 ? readFileSync(read, 'utf8') : '';
      native.closeFd(read);
      this.#tested(status, said);
    });
  }

  #tested(status: number, said: string): void {
    if (this.refusal !== undefined) return;
    if (status !== 0) {
      this.stop(`the test of its first child ended with ${status}`);
      return;
    }
    const { failed, random } = JSON.parse(said) as SelfTestReport;
    const failures = Object.entries(failed).map(([name, reason]) => `${name} (${reason})`);
    if (failures.length > 0) {
      this.stop(`the test of its first child failed: ${failures.join(', ')}`);
      return;
    }
    this.#random = random;
    this.#ready = true;
    this.wasReady = true;
    this.#decide();
  }
}

const SIGKILL = 9;
