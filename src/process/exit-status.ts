/**
 * What an exit status means, and the error for an end that was not announced.
 *
 * Runs in parents.
 */
import { constants } from 'node:os';
import { ProcessDiedError, type ProcessPhase } from '../errors.js';

/** Some numbers have a second, older name, which comes later: SIGABRT and SIGIOT. */
const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
);

/** `SIGKILL` for −9; null for an exit code. */
export function signalOf(exitCode: number | null): NodeJS.Signals | null {
  return exitCode === null || exitCode >= 0 ? null : (SIGNAL_NAMES.get(-exitCode) ?? null);
}

/** The number of a signal. */
export function signalNumber(name: NodeJS.Signals): number {
  return constants.signals[name];
}

/** The error for a child that ended without a result. */
export function processDied(
  who: string,
  death: { pid: number; exitCode: number | null; phase: ProcessPhase; taskId?: number | undefined; killedByUs?: boolean },
): ProcessDiedError {
  const signal = signalOf(death.exitCode);
  const how = signal === null ? `exited with code ${death.exitCode}` : `was killed by ${signal}`;
  const hint =
    signal === 'SIGKILL' && death.killedByUs !== true
      ? 'possibly out of memory: the kernel kills with SIGKILL then'
      : heapHint(death.exitCode, signal);
  const message = `${who} (pid ${death.pid}) ${how} while ${death.phase}, before it returned${hint === undefined ? '' : `; ${hint}`}`;
  return new ProcessDiedError(message, {
    pid: death.pid,
    exitCode: death.exitCode,
    signal,
    phase: death.phase,
    taskId: death.taskId,
    hint,
  });
}

function heapHint(exitCode: number | null, signal: NodeJS.Signals | null): string | undefined {
  // V8 aborts when the heap limit is reached; some versions of Node exit with 134 instead.
  return signal === 'SIGABRT' || exitCode === 134 ? 'possibly out of JavaScript heap: see maxOldSpaceMb' : undefined;
}
