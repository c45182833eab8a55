/**
 * Which file called, without an inspector.
 *
 * Runs in every process.
 */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The URL and line (from 0) of the code that called `below`; `''` if it is in no file. */
export function callerFile(below: (...args: never[]) => unknown): { url: string; line: number } {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: NodeJS.CallSite[] } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, sites) => sites;
    Error.captureStackTrace(holder, below);
    const [site] = holder.stack ?? [];
    const name = site?.getFileName() ?? '';
    return { url: isAbsolute(name) ? pathToFileURL(name).href : name, line: (site?.getLineNumber() ?? 1) - 1 };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
}
