/**
 * Where in the user's program a call was made.
 *
 * Runs in every process, only for records that somebody wants.
 */

/** A line of a program. */
export interface Place {
  /** The path of the file, or its URL if it is no file. */
  readonly file?: string;
  readonly line?: number;
}

const AT = /^\s+at (?:.* \()?(.+?):(\d+):\d+\)?$/m;

/** From where this function was called; empty where the stack does not tell. */
export function callerOf(called: (...args: never[]) => unknown): Place {
  const at: { stack?: string } = {};
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 1); // no assignment: it cannot be changed where the intrinsics are frozen
  Error.captureStackTrace(at, called);
  const [, file, line] = AT.exec(String(at.stack)) ?? [];
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return file === undefined ? {} : { file: pathOf(file), line: Number(line) };
}

function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? process.getBuiltinModule('node:url').fileURLToPath(file) : file;
  } catch {
    return file; // no path of this machine
  }
}
