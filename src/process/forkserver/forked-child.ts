/**
 * The first moments of a fork server's child: becomes a process of its own in all that node keeps of one.
 *
 * Runs in children of fork servers, and in the server that becomes the one child itself.
 */
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { binding } from '../../native/binding.js';
import { dieWithParent, IN_PROCESS, type Surroundings } from '../child-main.js';
import { setParentCheck } from '../parent-process.js';
import { joinFamily } from '../../substrate/self.js';
import { ARENA_FD, type ChildOrder, PARENT_BELL_FD } from './job.js';

/** Takes over what the order says. @param fds The doorbell's two ends, and in a fork the parent's pidfd. */
export function becomeChild(order: ChildOrder, fds: readonly number[], forks: boolean): Surroundings {
  for (const [name, value] of Object.entries(order.env)) {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  if (order.cwd !== null) process.chdir(order.cwd); // it is there already, but node has to know
  process.argv = [process.argv[0] as string, process.argv[1] as string, order.home];
  const [readFd = -1, writeFd = -1, parentPidfd = -1] = fds;
  const native = binding();
  const join: Surroundings['join'] = (id, { pid, detached }) => {
    const me = joinFamily({ arenaFd: ARENA_FD, id, doorbell: { readFd, writeFd } });
    if (forks) native.watchParentPidfd(parentPidfd, !detached);
    else if (!detached) dieWithParent(pid);
    native.ignoreTerminalInterrupt(pid);
    return me;
  };
  const isParentAlive = forks ? () => native.parentLives() : IN_PROCESS.isParentAlive;
  if (forks) setParentCheck(() => native.parentLives());
  return { ...IN_PROCESS, join, isParentAlive, parentBellFd: () => PARENT_BELL_FD };
}

/** The copy of a process gets its own number, and ways to end that do not lead through what it shares with the server. */
export function becomeProcess(value: number): void {
  Object.defineProperty(process, 'pid', { value, configurable: true, enumerable: true, writable: false });
  endWithoutTeardown();
}

/** See native/fork-server.h: neither node's teardown nor the end of its loop may be reached. */
function endWithoutTeardown(): void {
  const native = binding();
  const codeOf = (code: unknown): number => Number(process.exitCode ?? code ?? 0);
  const host = process as unknown as { emit: (name: string | symbol, ...args: unknown[]) => boolean; reallyExit: unknown };
  const { emit } = host;
  /** An error that nobody has handled; node prints it after 'exit'. */
  let fatal: { readonly error: unknown } | undefined;
  host.emit = function (name, ...args) {
    if (name === 'uncaughtExceptionMonitor') fatal = { error: args[0] };
    let heard = false;
    try {
      heard = Reflect.apply(emit, this, [name, ...args]) as boolean;
    } catch (error) {
      if (name !== 'exit') throw error;
      print(error);
      native.exitNow(THREW_AT_EXIT);
    }
    if (name === 'uncaughtException' && heard) fatal = undefined;
    if (name !== 'exit') return heard;
    if (fatal !== undefined) print(fatal.error);
    return native.exitNow(codeOf(args[0]));
  };
  host.reallyExit = (code: unknown) => native.exitNow(codeOf(code));
  native.watchLoopEnd((final) => {
    if (final) process.exit();
    else process.emit('beforeExit', codeOf(0));
  });
}

/** As node does, to a descriptor that is still there when streams are not. */
function print(error: unknown): void {
  try {
    writeSync(2, `Uncaught:\n${inspect(error)}\n`);
  } catch {
    // nobody listens
  }
}

/** As node does. */
const THREW_AT_EXIT = 1;
