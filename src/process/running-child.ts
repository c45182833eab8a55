/**
 * A started child as its Process object sees it: what it said, how it ended, and the promise of its end.
 *
 * Runs in parents.
 */
import { waitable, type Waitable } from '../channel/waitable.js';
import { ProtocolError } from '../errors.js';
import { self } from '../substrate/self.js';
import { limitWait, type Wait } from '../substrate/wait-limit.js';
import { decodeValue } from '../wire/codec.js';
import { decodeFailure } from '../wire/remote-error.js';
import { processDied, signalNumber } from './exit-status.js';
import { FAILURE, READY, RESULT } from './frames.js';
import type { Child, ChildRequest } from './launcher.js';

/** How a child ended. */
export interface Outcome {
  readonly kind: 'value' | 'error' | 'ended';
  readonly value?: unknown;
}

/** Whose child it is, and how it is started. */
export interface RunningChildOptions {
  /** For messages; it may change. */
  readonly name: () => string;
  readonly launch: (request: ChildRequest) => Child;
  /** Called once, when the outcome is known and before `exited` resolves. */
  readonly onEnd: () => void;
}

const LINK_CAPACITY = 65_536;
/** All that the kernel keeps of an exit code. */
const LAST_BYTE = 0xff;

export class RunningChild {
  readonly child: Child;
  /** Resolves when it has ended and everything it said was heard. */
  readonly exited: Promise<void>;
  readonly sentinel: Waitable;
  readonly #options: RunningChildOptions;
  #resolveExited: () => void = () => {};
  /** What the child said; it counts when the child has ended. */
  #announced: Outcome | undefined;
  #outcome: Outcome | undefined;
  /** Signals that the parent sent. */
  readonly #sent = new Set<number>();

  /** @throws {SystemError} If it cannot be started; nothing is left then. */
  constructor(options: RunningChildOptions) {
    this.#options = options;
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    this.sentinel = waitable(this.exited, () => this.ended);
    this.child = options.launch({
      capacity: LINK_CAPACITY,
      onMessage: (kind, buffer, from, to, owned) => this.#received(kind, buffer, from, to, owned),
      onExit: (child) => this.end(this.#announced ?? this.#outcomeWithoutResult(child)),
    });
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  /** It has ended so; called by whoever watches it. */
  end(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#options.onEnd();
    this.#resolveExited();
  }

  /** Waits for its end. @throws {TimeoutError} If it still runs when time is up; `act` is what was tried. */
  async wait(act: string, wait: Wait | undefined): Promise<Outcome> {
    const { doorbell } = self();
    doorbell.hold();
    try {
      await limitWait(this.exited, wait, `${act} ${this.#options.name()} (pid ${this.child.pid}): it still runs`);
    } finally {
      doorbell.release();
    }
    return this.#outcome as Outcome;
  }

  /** Sends a signal; an end by it is no error. */
  signal(name: NodeJS.Signals): void {
    const number = signalNumber(name);
    if (this.child.signal(number)) this.#sent.add(number);
  }

  #received(kind: number, buffer: Uint8Array, start: number, end: number, owned: boolean): void {
    const { child } = this;
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

  #outcomeWithoutResult({ garbage, exitCode, announced, pid, phase }: Child): Outcome {
    const name = this.#options.name();
    if (garbage !== undefined) {
      const error = new ProtocolError(`${name} (pid ${pid}) wrote garbage to its private channel and was killed`, {
        cause: garbage,
      });
      return { kind: 'error', value: error };
    }
    if (this.#sent.has(-(exitCode as number))) return { kind: 'ended' };
    if (announced !== undefined && (announced & LAST_BYTE) === 0 && exitCode === 0) return { kind: 'ended' };
    return { kind: 'error', value: processDied(name, { pid, exitCode, phase }) };
  }
}
