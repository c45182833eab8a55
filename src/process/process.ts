/**
 * `Process`: an operating system's process that runs an ordinary function, as Python's.
 *
 * Runs in parents; the object that a process has of itself is made in `current-process.ts`.
 */
import type { Readable } from 'node:stream';
import type { Waitable } from '../channel/waitable.js';
import { ClosedError, InvalidStateError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { faultPoint } from '../substrate/fault.js';
import { self } from '../substrate/self.js';
import type { Wait } from '../substrate/wait-limit.js';
import { addActive, removeActive } from './active-children.js';
import { takeBirth } from './birth.js';
import { callable } from './callable.js';
import { type ChildKind, defineKind, kindOf } from './child-kind.js';
import { joinAsSender } from './family.js';
import { authKey, bootOf, currentName, nextIdentity } from './identity.js';
import { launchProcess, prepareProcess, startMethodOf } from './process-kind.js';
import { checkOptions, type ProcessOptions } from './process-options.js';
import { type Outcome, RunningChild } from './running-child.js';
import { shownProcess } from './shown-process.js';
import { startFrames } from './start-frames.js';
import { exceptionText } from './exception-text.js';

export type { ProcessOptions };

/**
 * A process that runs an ordinary function.
 *
 * - Nothing of the parent's script runs again in the child; the function and what it captures travel.
 * - The child dies with its parent, whatever it is doing, within a second (unless `detached`).
 * - A result or error arrives however large it is; an end without one is a `ProcessDiedError`.
 *
 * @example
 * const p = new Process({ target: (x: number) => x * 2, args: [21] });
 * await p.start();
 * console.log(await p.result()); // 42
 *
 * @python `multiprocessing.Process`; `join()` raises the target's error, as in mpservice.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the contract's default: any arguments
export class Process<A extends unknown[] = any[], R = unknown> implements AsyncDisposable {
  readonly #options: Omit<ProcessOptions<A, R>, 'target' | 'args'>;
  readonly #kind: ChildKind;
  readonly #identity: readonly number[];
  readonly #isCurrent: boolean;
  #name: string;
  #daemon: boolean;
  /** Undefined: that of the family, which is not made before it is needed. */
  #authKey: Uint8Array | undefined;
  /** Undefined when the child has it: the parent keeps alive nothing for it. */
  #task: { readonly target: ProcessOptions<A, R>['target']; readonly args: A } | undefined;
  #running: RunningChild | undefined;
  /** Its kind is being made ready. */
  #starting = false;
  #closed = false;

  /** @throws {TypeError|RangeError} If an option has the wrong type. */
  constructor(options: ProcessOptions<A, R> = {}) {
    const birth = takeBirth();
    checkOptions(options);
    this.#kind = kindOf(new.target);
    this.#kind.checkOptions(options as ProcessOptions);
    const { target, args, ...others } = options;
    this.#options = others;
    this.#task = { target, args: [...(args ?? [])] as unknown as A };
    this.#identity = birth?.identity ?? this.#kind.nextIdentity();
    this.#isCurrent = birth?.of === 'this process';
    if (birth?.of instanceof RunningChild) this.#running = birth.of;
    this.#name =
      options.name !== undefined && options.name !== ''
        ? options.name
        : `${new.target.name || 'Process'}-${this.#identity.join(':')}`;
    this.#daemon = options.daemon ?? bootOf()?.daemon ?? false;
  }

  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    if (typeof name !== 'string') throw new TypeError(`Cannot name the process: name must be a string, received ${String(name)}`);
    this.#name = name;
  }

  get daemon(): boolean {
    return this.#daemon;
  }

  set daemon(daemon: boolean) {
    if (typeof daemon !== 'boolean')
      throw new TypeError(`Cannot set daemon of ${this.#name}: it must be a boolean, received ${String(daemon)}`);
    if (this.#closed || this.#starting || this.#running !== undefined)
      throw new InvalidStateError(`Cannot set daemon of ${this.#name}: the process has already started`);
    this.#daemon = daemon;
  }

  get authKey(): Uint8Array {
    return this.#authKey ?? authKey();
  }

  set authKey(key: Uint8Array) {
    if (!(key instanceof Uint8Array))
      throw new TypeError(`Cannot set authKey of ${this.#name}: it must be bytes, received ${typeof key}`);
    this.#authKey = key;
  }

  /** The pid once started. */
  get pid(): number | undefined {
    this.#mustBeOpen('read the pid of');
    return this.#isCurrent ? process.pid : this.#running?.child.pid;
  }

  /** null until it ended; then the exit code, or the negative number of the signal. */
  get exitCode(): number | null {
    this.#mustBeOpen('read the exit code of');
    this.#running?.child.isAlive();
    return this.#running?.child.exitCode ?? null;
  }

  /** Ready when the process is dead. @throws {InvalidStateError} Before start. */
  get sentinel(): Waitable {
    return this.#mustRun('read the sentinel of').sentinel;
  }

  /** With `stdio: 'pipe'`: what it writes, to be read by the parent. */
  get stdout(): Readable | null {
    return this.#running?.child.stdout ?? null;
  }

  get stderr(): Readable | null {
    return this.#running?.child.stderr ?? null;
  }

  /** What the child does; by default it calls the target. To be overridden in a subclass. */
  run(): unknown {
    if (this.#task === undefined)
      throw new InvalidStateError(`Cannot run ${this.#name} here: its target was given to the process that it has started`);
    const { target, args } = this.#task;
    return target === undefined ? undefined : callable(target)(...args);
  }

  /**
   * Starts the process; settles when it exists and `pid` is set.
   *
   * @throws {SerializationError} If target, arguments or own fields cannot be sent; nothing is started then.
   * @throws {InvalidStateError} If it was started before, or a daemon process starts it.
   * @throws {ResourceExhaustedError} If memory, processes or file descriptors are exhausted.
   */
  async start(): Promise<this> {
    this.#mustBeOpen('start');
    if (this.#running !== undefined || this.#starting)
      throw new InvalidStateError(`Cannot start ${this.#name}: a process can be started only once`);
    if (this.#isCurrent) throw new InvalidStateError(`Cannot start ${this.#name}: it is this very process`);
    joinAsSender();
    const prepared = this.#kind.prepare?.(this.#options as ProcessOptions);
    prepared?.catch(() => {}); // heard below, if it comes to that
    const frames = this.#frames(); // in the meantime
    if (prepared !== undefined) {
      this.#starting = true;
      await prepared.finally(() => (this.#starting = false));
    }
    this.#running = this.#launch(frames);
    this.#task = undefined;
    return this;
  }

  /** Everything that can fail for the user's values comes before anything is started. */
  #frames(): ReturnType<typeof startFrames> {
    const { detached = false, captureConsole = false } = this.#options;
    const { target, args } = this.#task as { target: unknown; args: A };
    const processClass = this.constructor as typeof Process;
    return startFrames(
      {
        name: this.#name,
        daemon: this.#daemon,
        identity: this.#identity,
        authKey: this.authKey,
        detached,
        captureConsole,
        startMethod: this.#kind.startMethod(this.#options as ProcessOptions),
        className: this.#kind.base.name,
      },
      {
        subclass: processClass === this.#kind.base ? undefined : { processClass, fields: Object.assign({}, this) },
        target: target as ((...args: unknown[]) => unknown) | undefined,
        args,
      },
    );
  }

  #launch(frames: ReturnType<typeof startFrames>): RunningChild {
    const { detached = false } = this.#options;
    const running = new RunningChild({
      name: () => this.#name,
      launch: (request) => this.#kind.launch(this.#options as ProcessOptions, request),
      onEnd: () => {
        removeActive(this);
        if (!this.#daemon) self().doorbell.release();
      },
    });
    const { child } = running;
    addActive(this, { role: this.#daemon ? 'daemon' : 'child', detached, child });
    if (this.#daemon) {
      child.stdout?.unref?.();
      child.stderr?.unref?.();
    } else {
      self().doorbell.hold();
    }
    for (const [kind, encoded] of frames) child.send(kind, encoded);
    faultPoint('spawn.sent');
    return running;
  }

  /**
   * Waits until the process has ended.
   *
   * @throws The child's own error, or `ProcessDiedError` if it died without announcing its end.
   * @throws {TimeoutError} If it still runs when time is up.
   */
  async join(wait?: Wait): Promise<void> {
    const outcome = await this.#wait('join', wait);
    if (outcome.kind === 'error') throw outcome.value;
  }

  /** What the target returned; otherwise as `join`. Undefined if the process was terminated or ended by itself with code 0. */
  async result(wait?: Wait): Promise<R> {
    const outcome = await this.#wait('get the result of', wait);
    if (outcome.kind === 'error') throw outcome.value;
    return outcome.value as R;
  }

  /** The error of the target, or null; waits as `join`. */
  async exception(wait?: Wait): Promise<unknown> {
    const outcome = await this.#wait('get the exception of', wait);
    return outcome.kind === 'error' ? outcome.value : null;
  }

  /** Whether the process has ended. */
  done(): boolean {
    return this.#running?.ended ?? false;
  }

  isAlive(): boolean {
    this.#mustBeOpen('ask for the state of');
    if (this.#isCurrent) return true;
    return this.#running?.child.isAlive() ?? false;
  }

  /** SIGTERM; `join()` then resolves. Nothing happens if it is dead. */
  terminate(): void {
    this.#mustRun('terminate').signal('SIGTERM');
  }

  /** SIGKILL; `join()` then resolves. */
  kill(): void {
    this.#mustRun('kill').signal('SIGKILL');
  }

  /** Runs the child's own SIGINT handler; a child without one ends with exit code −2. */
  interrupt(): void {
    this.#mustRun('interrupt').signal('SIGINT');
  }

  /** Releases what the parent keeps of an ended process. @throws {InvalidStateError} If it still runs. */
  close(): void {
    if (this.#isCurrent) return;
    if (this.#running?.ended === false)
      throw new InvalidStateError(`Cannot close ${this.#name} while it is still running: call join() or terminate() first`);
    this.#running?.child.stdout?.destroy();
    this.#running?.child.stderr?.destroy();
    this.#closed = true;
  }

  /** Terminates it if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running?.ended === false) this.terminate();
    await this.#running?.exited;
  }

  /** Told of an uncaught error, in the child, before it ends with exit code 1. */
  static handleException(error: unknown): void {
    // oxlint-disable-next-line no-console -- what the hook does by default
    console.error(exceptionText(currentName(), error));
  }

  async #wait(act: string, wait: Wait | undefined): Promise<Outcome> {
    this.#mustBeOpen(act);
    if (this.#isCurrent) throw new InvalidStateError(`Cannot ${act} ${this.#name}: a process cannot wait for itself`);
    return this.#mustRun(act).wait(act, wait);
  }

  #mustRun(act: string): RunningChild {
    this.#mustBeOpen(act);
    if (this.#running === undefined) throw new InvalidStateError(`Cannot ${act} ${this.#name}: the process is not started`);
    return this.#running;
  }

  #mustBeOpen(act: string): void {
    if (this.#closed) throw new ClosedError(`Cannot ${act} ${this.#name}: the process object is closed`);
  }

  static {
    defineKind({
      base: Process,
      checkOptions() {},
      nextIdentity,
      startMethod: startMethodOf,
      prepare: prepareProcess,
      launch: launchProcess,
    });
    showAs(Process, (each: Process) => {
      const running = each.#isCurrent ? 'this process' : each.#running;
      return Object.assign(shownProcess({ name: each.#name, daemon: each.#daemon, closed: each.#closed, running }), each);
    });
  }
}
