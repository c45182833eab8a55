/**
 * `Process`: an operating system's process that runs an ordinary function, as Python's.
 *
 * Runs in parents; the object that the child has of itself is made by `becomeProcess`.
 */
import type { Readable } from 'node:stream';
import { ClosedError, InvalidStateError, ProtocolError } from '../errors.js';
import { faultPoint } from '../substrate/fault.js';
import { self } from '../substrate/self.js';
import { limitWait, type Wait } from '../substrate/wait-limit.js';
import { decodeValue, encodeArgs, encodeValue } from '../wire/codec.js';
import type { Encoded } from '../wire/codec-types.js';
import { execArgvForChild } from '../wire/loader-flags.js';
import { decodeFailure } from '../wire/remote-error.js';
import { addActive, removeActive } from './active-children.js';
import { callable } from './callable.js';
import { bootFor, childEnvironment } from './child-setup.js';
import { currentName, setCurrent, setMainMaker } from './current-process.js';
import { processDied, signalNumber } from './exit-status.js';
import { joinAsSender } from './family.js';
import { BOOT, type Boot, FAILURE, READY, RESULT, START, SUBCLASS, TARGET } from './frames.js';
import { authKey, bootOf, nextIdentity } from './identity.js';
import { type Child, type ChildRequest, launch } from './launcher.js';
import { checkOptions, type ProcessOptions } from './process-options.js';
import { waitable, type Waitable } from '../channel/waitable.js';

export type { ProcessOptions };

/** What the child gets to run. */
export interface Start {
  /** The subclass whose `run()` it is, and the fields it added; undefined for Process itself. */
  readonly subclass: { readonly processClass: typeof Process; readonly fields: object } | undefined;
  readonly target: ((...args: unknown[]) => unknown) | undefined;
  readonly args: readonly unknown[];
}

type State = 'initial' | 'started' | 'stopped' | 'closed';

interface Outcome {
  readonly kind: 'value' | 'error' | 'ended';
  readonly value?: unknown;
}

const LINK_CAPACITY = 65_536;

/** The object that a child has of itself, ready to run. */
export interface Became {
  run(): unknown;
  handleException(error: unknown): void;
}

/** Makes the object that a child has of itself. Runs in children. */
export let becomeProcess: (start: Start, boot: Boot, ProcessClass: typeof Process) => Became;

/** A child that somebody else started and watches, as a Process: the workers of an engine. */
export interface AdoptedChild {
  readonly process: Process;
  /** To be called when it has ended. */
  ended(): void;
}

/** Makes the Process object of a running child, and lists it among the active children. */
export let adoptChild: (child: Child, name: string, ProcessClass?: typeof Process) => AdoptedChild;

/** How the objects of a class and its subclasses are started. */
export interface ChildKind {
  /** What a child of this kind is by default. */
  readonly base: typeof Process;
  checkOptions(options: ProcessOptions): void;
  /** Numbers for a child constructed now. */
  nextIdentity(): number[];
  launch(options: ProcessOptions, request: ChildRequest): Child;
}

/** Says how a class derived from Process starts its children. */
export function defineKind(kind: ChildKind): void {
  kinds.push(kind);
}

const kinds: ChildKind[] = [];

function kindOf(ProcessClass: object): ChildKind {
  return kinds.find(({ base }) => ProcessClass === base || Object.prototype.isPrototypeOf.call(base, ProcessClass)) ?? OF_PROCESS;
}

/** Says of what class the object is that a child has of itself and did not get from its parent. */
export function setOwnClass(ProcessClass: typeof Process): void {
  OwnClass = ProcessClass;
}

let OwnClass: typeof Process | undefined;

/** Set while the object of this very process is made: it is no construction that counts. */
let ownIdentity: readonly number[] | undefined;

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
  readonly #options: ProcessOptions<A, R>;
  readonly #kind: ChildKind;
  readonly #identity: readonly number[];
  #name: string;
  #daemon: boolean;
  #authKey: Uint8Array;
  #child: Child | undefined;
  #state: State = 'initial';
  /** What the child said; it counts when the child has ended. */
  #announced: Outcome | undefined;
  #outcome: Outcome | undefined;
  /** Signals that the parent sent. */
  readonly #sent = new Set<number>();
  #exited: Promise<void> = Promise.resolve();
  #sentinel: Waitable | undefined;
  #isCurrent = false;

  /** @throws {TypeError|RangeError} If an option has the wrong type. */
  constructor(options: ProcessOptions<A, R> = {}) {
    checkOptions(options);
    this.#kind = kindOf(new.target);
    this.#kind.checkOptions(options as ProcessOptions);
    this.#options = options;
    this.#identity = ownIdentity ?? this.#kind.nextIdentity();
    this.#name =
      options.name !== undefined && options.name !== ''
        ? options.name
        : `${new.target.name || 'Process'}-${this.#identity.join(':')}`;
    this.#daemon = options.daemon ?? bootOf()?.daemon ?? false;
    this.#authKey = authKey();
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
    if (this.#state !== 'initial')
      throw new InvalidStateError(`Cannot set daemon of ${this.#name}: the process has already started`);
    this.#daemon = daemon;
  }

  get authKey(): Uint8Array {
    return this.#authKey;
  }

  set authKey(key: Uint8Array) {
    if (!(key instanceof Uint8Array))
      throw new TypeError(`Cannot set authKey of ${this.#name}: it must be bytes, received ${typeof key}`);
    this.#authKey = key;
  }

  /** The pid once started. */
  get pid(): number | undefined {
    this.#mustBeOpen('read the pid of');
    return this.#isCurrent ? process.pid : this.#child?.pid;
  }

  /** null until it ended; then the exit code, or the negative number of the signal. */
  get exitCode(): number | null {
    this.#mustBeOpen('read the exit code of');
    this.#child?.isAlive();
    return this.#child?.exitCode ?? null;
  }

  /** Ready when the process is dead. @throws {InvalidStateError} Before start. */
  get sentinel(): Waitable {
    this.#mustBeOpen('read the sentinel of');
    if (this.#child === undefined)
      throw new InvalidStateError(`Cannot read the sentinel of ${this.#name}: the process is not started`);
    return (this.#sentinel ??= waitable(this.#exited, () => this.done()));
  }

  /** With `stdio: 'pipe'`: what it writes, to be read by the parent. */
  get stdout(): Readable | null {
    return this.#child?.stdout ?? null;
  }

  get stderr(): Readable | null {
    return this.#child?.stderr ?? null;
  }

  /** What the child does; by default it calls the target. To be overridden in a subclass. */
  run(): unknown {
    const { target, args = [] } = this.#options;
    return target === undefined ? undefined : callable(target)(...(args as A));
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
    if (this.#state !== 'initial') throw new InvalidStateError(`Cannot start ${this.#name}: a process can be started only once`);
    if (this.#isCurrent) throw new InvalidStateError(`Cannot start ${this.#name}: it is this very process`);
    joinAsSender();
    const frames = this.#encodeStart();
    this.#launch(frames);
    this.#state = 'started';
    return this;
  }

  #launch(frames: [kind: number, encoded: Encoded][]): void {
    let exited = () => {};
    const child = this.#kind.launch(this.#options as ProcessOptions, {
      capacity: LINK_CAPACITY,
      onMessage: (kind, buffer, from, to, owned) => this.#received(kind, buffer, from, to, owned),
      onExit: () => {
        this.#onExit();
        exited();
      },
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      exited = resolve;
    });
    addActive(this, { daemon: this.#daemon, detached: this.#options.detached ?? false, child });
    if (this.#daemon) {
      child.stdout?.unref?.();
      child.stderr?.unref?.();
    } else {
      self().doorbell.hold();
    }
    for (const [kind, encoded] of frames) child.send(kind, encoded);
    faultPoint('spawn.sent');
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
    return this.#outcome !== undefined;
  }

  isAlive(): boolean {
    this.#mustBeOpen('ask for the state of');
    if (this.#isCurrent) return true;
    return this.#child?.isAlive() ?? false;
  }

  /** SIGTERM; `join()` then resolves. Nothing happens if it is dead. */
  terminate(): void {
    this.#kill('terminate', 'SIGTERM');
  }

  /** SIGKILL; `join()` then resolves. */
  kill(): void {
    this.#kill('kill', 'SIGKILL');
  }

  /** Runs the child's own SIGINT handler; a child without one ends with exit code −2. */
  interrupt(): void {
    this.#kill('interrupt', 'SIGINT');
  }

  /** Releases what the parent keeps of an ended process. @throws {InvalidStateError} If it still runs. */
  close(): void {
    if (this.#isCurrent) return;
    if (this.#state === 'started')
      throw new InvalidStateError(`Cannot close ${this.#name} while it is still running: call join() or terminate() first`);
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
    this.#state = 'closed';
  }

  /** Terminates it if it still runs, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'started') this.terminate();
    await this.#exited;
  }

  /** Told of an uncaught error, in the child, before it ends with exit code 1. */
  static handleException(error: unknown): void {
    // oxlint-disable-next-line no-console -- what the hook does by default
    console.error(`Exception in ${currentName()}:`, error);
  }

  static {
    const construct = (options: ProcessOptions, ProcessClass: typeof Process, identity: readonly number[]): Process => {
      ownIdentity = identity;
      try {
        const me = Reflect.construct(Process, [options], ProcessClass) as Process;
        me.#isCurrent = true;
        return me;
      } finally {
        ownIdentity = undefined;
      }
    };
    becomeProcess = ({ subclass, target, args }, { name, daemon, identity }, BaseClass) => {
      const ProcessClass = subclass?.processClass ?? BaseClass;
      const me = construct({ target, args: [...args], name, daemon }, ProcessClass, identity);
      Object.assign(me, subclass?.fields);
      setCurrent(me);
      return { run: () => me.run(), handleException: (error) => ProcessClass.handleException(error) };
    };
    adoptChild = (child, name, ProcessClass = Process) => {
      const adopted = construct({ name, daemon: false }, ProcessClass, []);
      adopted.#isCurrent = false;
      adopted.#child = child;
      adopted.#state = 'started';
      let exited = () => {};
      adopted.#exited = new Promise((resolve) => {
        exited = resolve;
      });
      addActive(adopted, { daemon: true, detached: false, child });
      return {
        process: adopted,
        ended() {
          adopted.#outcome = { kind: 'ended' };
          adopted.#state = 'stopped';
          removeActive(adopted);
          exited();
        },
      };
    };
    // Of a worker too, which is a child but was started with no Process of its own.
    setMainMaker(() =>
      construct(
        { name: bootOf()?.name ?? 'MainProcess', daemon: bootOf()?.daemon ?? false },
        OwnClass ?? Process,
        bootOf()?.identity ?? [],
      ),
    );
  }

  /** Everything that can fail for the user's values, before anything is started. */
  #encodeStart(): [kind: number, encoded: Encoded][] {
    const processClass = this.constructor as typeof Process;
    const frames: [number, Encoded][] = [
      [
        BOOT,
        encodeValue(
          bootFor({
            name: this.#name,
            daemon: this.#daemon,
            identity: this.#identity,
            authKey: this.#authKey,
            detached: this.#options.detached ?? false,
          }),
          'boot',
        ),
      ],
      [TARGET, encodeValue(this.#options.target, 'target')],
      [START, encodeArgs(this.#options.args ?? [])],
    ];
    if (processClass !== this.#kind.base)
      frames.splice(1, 0, [SUBCLASS, encodeValue({ processClass, fields: Object.assign({}, this) }, 'this')]);
    return frames;
  }

  #received(kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    const child = this.#child as Child;
    if (kind === READY) {
      child.phase = 'running';
      child.opened();
      return;
    }
    if (kind !== RESULT && kind !== FAILURE) return;
    child.phase = 'returning';
    try {
      this.#announced =
        kind === RESULT
          ? { kind: 'value', value: decodeValue(buffer, start, end, { owned, inFlight: true }) }
          : { kind: 'error', value: decodeFailure(buffer, start, end) };
    } catch (error) {
      this.#announced = { kind: 'error', value: error };
    }
  }

  #onExit(): void {
    const child = this.#child as Child;
    this.#outcome = this.#announced ?? this.#outcomeWithoutResult(child);
    this.#state = 'stopped';
    removeActive(this);
    if (!this.#daemon) self().doorbell.release();
  }

  #outcomeWithoutResult(child: Child): Outcome {
    if (child.garbage !== undefined) {
      return {
        kind: 'error',
        value: new ProtocolError(`${this.#name} (pid ${child.pid}) wrote garbage to its private channel and was killed`, {
          cause: child.garbage,
        }),
      };
    }
    if (this.#sent.has(-(child.exitCode as number))) return { kind: 'ended' };
    if (child.announced === 0 && child.exitCode === 0) return { kind: 'ended' };
    return { kind: 'error', value: processDied(this.#name, { pid: child.pid, exitCode: child.exitCode, phase: child.phase }) };
  }

  async #wait(act: string, wait: Wait | undefined): Promise<Outcome> {
    this.#mustBeOpen(act);
    if (this.#isCurrent) throw new InvalidStateError(`Cannot ${act} ${this.#name}: a process cannot wait for itself`);
    if (this.#child === undefined) throw new InvalidStateError(`Cannot ${act} ${this.#name}: the process is not started`);
    const { doorbell } = self();
    doorbell.hold();
    try {
      await limitWait(this.#exited, wait, `${act} ${this.#name} (pid ${this.#child.pid}): it still runs`);
    } finally {
      doorbell.release();
    }
    return this.#outcome as Outcome;
  }

  #kill(act: string, signal: NodeJS.Signals): void {
    this.#mustBeOpen(act);
    if (this.#child === undefined) throw new InvalidStateError(`Cannot ${act} ${this.#name}: the process is not started`);
    if (this.#child.signal(signalNumber(signal))) this.#sent.add(signalNumber(signal));
  }

  #mustBeOpen(act: string): void {
    if (this.#state === 'closed') throw new ClosedError(`Cannot ${act} ${this.#name}: the process object is closed`);
  }
}

const OF_PROCESS: ChildKind = {
  base: Process,
  checkOptions() {},
  nextIdentity,
  launch: (options, request) =>
    launch({
      ...request,
      entry: 'process-entry.cjs',
      execArgv: execArgvOf(options),
      env: childEnvironment(options.env),
      cwd: options.cwd,
      stdio: options.stdio ?? 'inherit',
      detached: options.detached ?? false,
    }),
};

function execArgvOf({ execArgv, maxOldSpaceMb }: ProcessOptions): string[] {
  const flags = [...(execArgv ?? execArgvForChild())];
  if (maxOldSpaceMb !== undefined) flags.push(`--max-old-space-size=${maxOldSpaceMb}`);
  return flags;
}
