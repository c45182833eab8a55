/**
 * Why a run ends before its input does: one reason, the first one, seen by everybody.
 *
 * Runs in the parent. Signals end the process by their usual exit code; the second one ends it at once.
 */
import { constants } from 'node:os';

/** The first reason to stop. */
export type StopReason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** The reader of stdout has what it wanted. */
  | { readonly kind: 'reader-gone' }
  /** An item failed under `--on-error stop`; it is reported already. */
  | { readonly kind: 'item-failed' }
  /** The run itself cannot go on. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** Stops a run, once. */
export class StopSwitch {
  readonly #controller = new AbortController();
  #reason: StopReason | undefined;

  /** Aborts at `stop()`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Undefined: nobody has stopped the run. */
  get reason(): StopReason | undefined {
    return this.#reason;
  }

  /** Stops the run for this reason, unless it is stopped already. */
  stop(reason: StopReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller.abort();
  }

  /** Resolves at `stop()`. */
  stopped(): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) resolve();
      else this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/**
 * Turns Ctrl-C, SIGTERM and a lost terminal into `stop.stop()`; the second signal calls `atOnce` and ends the process.
 * @returns Removes the handlers.
 */
export function stopOnSignals(stop: StopSwitch, atOnce: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.reason?.kind !== 'signal') {
      stop.stop({ kind: 'signal', signal });
      return;
    }
    atOnce();
    dieBySignal(signal);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  };
}

/** Ends this process as the signal alone would: nothing can hold it, not even a write that its reader does not take. */
export function dieBySignal(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** 130 for SIGINT, 143 for SIGTERM. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
