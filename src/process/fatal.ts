/**
 * Notices the errors that would end this process: uncaught ones and unhandled rejections.
 *
 * Runs in children only. Handlers of the user come first: where there is one, nothing here happens.
 */

/** Calls back with an error that nobody handles; the callback must end the process or settle what it belongs to. */
export function catchFatal(onFatal: (error: unknown) => void): void {
  process.on('uncaughtExceptionMonitor', () => {
    if (process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()) return;
    // Node asks the listeners of 'uncaughtException' right after the monitors.
    process.once('uncaughtException', onFatal);
  });
}
