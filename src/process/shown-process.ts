/**
 * What `console.log` shows of a Process.
 *
 * Runs in every process.
 */
import { signalOf } from './exit-status.js';
import { bootOf } from './identity.js';
import type { RunningChild } from './running-child.js';

/** What a Process knows of itself. */
export interface ProcessState {
  readonly name: string;
  readonly daemon: boolean;
  readonly closed: boolean;
  readonly running: RunningChild | 'this process' | undefined;
}

/** Name, pids, state; at the end exit code and signal. */
export function shownProcess({ name, daemon, closed, running }: ProcessState): Record<string, unknown> {
  const own = running === 'this process';
  const exitCode = own || running?.ended !== true ? null : running.child.exitCode;
  return {
    name,
    pid: own ? process.pid : running?.child.pid,
    parentPid: own ? bootOf()?.parentPid : process.pid,
    state: closed ? 'closed' : running === undefined ? 'initial' : own || !running.ended ? 'started' : 'stopped',
    exitCode: exitCode ?? undefined,
    signal: signalOf(exitCode) ?? undefined,
    daemon,
  };
}
