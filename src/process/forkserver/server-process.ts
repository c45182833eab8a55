/**
 * The process of a fork server: started with two private socket pairs, heard once, watched.
 *
 * Runs in parents. Knows neither whether it forks nor what for.
 */
import { entryFile, environment, executablePath } from '../launcher.js';
import { reaper } from '../reaper.js';
import { binding } from '../../native/binding.js';
import { arena } from '../../substrate/arena.js';
import type { Pump } from '../../substrate/doorbell.js';
import { isFailure, orThrow } from '../../substrate/failure.js';
import { self } from '../../substrate/self.js';
import type { Greeting, ServerTask } from './job.js';
import { preloadNow } from './preload.js';
import { closeSync, openSync } from 'node:fs';

/** How it is started. */
export interface ServerStart {
  readonly forks: boolean;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string | undefined;
  readonly onGreeting?: (greeting: Greeting) => void;
  /** It has ended before it became a child. */
  readonly onEnd?: (status: number) => void;
}

export class ForkServerChild implements Pump {
  readonly id: number;
  readonly pid: number;
  /** The parent's ends of the sockets. */
  readonly calls: number;
  readonly reaps: number;
  /** What it was started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly #start: ServerStart;
  #ended = false;

  /** @throws {SystemError} If it cannot be started; nothing is left then. */
  constructor(start: ServerStart) {
    this.#start = start;
    this.env = start.env;
    const native = binding();
    const open: number[] = [];
    const { doorbell } = self();
    let nothing = -1;
    try {
      const [calls, theirCalls] = orThrow('start a fork server', native.socketPair(false));
      open.push(calls, theirCalls);
      const [reaps, theirReaps] = orThrow('start a fork server', native.socketPair(true));
      open.push(reaps, theirReaps);
      nothing = openSync('/dev/null', 'r');
      const fds = [nothing, 1, 2, arena().fd, doorbell.writeFd, theirCalls, theirReaps];
      const file = executablePath();
      const argv = [file, ...start.flags, entryFile('forkserver-entry.cjs'), ...inArguments(JSON.stringify(taskOf(start)))];
      const started = orThrow(
        'start a fork server',
        native.spawn(doorbell.member, file, argv, environment(this.env), start.cwd ?? null, fds, false),
      );
      this.id = started.id;
      this.pid = started.pid;
      this.calls = calls;
      this.reaps = reaps;
      for (const fd of [theirCalls, theirReaps]) native.closeFd(fd);
    } catch (error) {
      for (const fd of open) native.closeFd(fd);
      throw error;
    } finally {
      if (nothing >= 0) closeSync(nothing); // not `closeFd`: at the end of a thread, node closes what it has not seen closed
    }
    doorbell.add(this);
    reaper().watch(this.id, (status) => {
      this.#ended = true;
      doorbell.remove(this);
      start.onEnd?.(status);
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Reads what it says first. */
  pump(): boolean {
    const greeting = binding().forkServerGreeting(this.calls);
    if (greeting === undefined) return false;
    this.forget();
    if (!isFailure(greeting)) this.#start.onGreeting?.(JSON.parse(greeting) as Greeting); // else it died: that is reported
    return false;
  }

  pending(): boolean {
    return false; // it rings when it has spoken
  }

  /** Listens to it no longer. */
  forget(): void {
    self().doorbell.remove(this);
  }

  kill(): void {
    binding().signalChild(this.id, SIGKILL);
  }

  /** Ends one that was asked for nothing. */
  discard(): void {
    if (!this.#ended) this.kill();
    this.forget();
    for (const fd of [this.calls, this.reaps]) binding().closeFd(fd);
  }
}

const SIGKILL = 9;
/** A single argument of a command line has 128 KiB. */
const ARGUMENT_BYTES = 100_000;

function taskOf({ forks }: ServerStart): ServerTask {
  return { forks, preload: preloadNow(), argv: process.argv };
}

/** A text of JSON as arguments, to be joined again; in ASCII, so that it can be cut anywhere. */
function inArguments(json: string): string[] {
  const text = json.replace(/[\u0080-\uffff]/g, (wide) => `\\u${wide.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const pieces = [];
  for (let at = 0; at < text.length; at += ARGUMENT_BYTES) pieces.push(text.slice(at, at + ARGUMENT_BYTES));
  return pieces;
}
