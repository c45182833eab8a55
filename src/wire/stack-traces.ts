/**
 * Stacks of calls, and errors without one, also where `Error` is frozen: its settings cannot be changed there, which must not
 * cost anybody the error.
 *
 * Runs in every process.
 */

/** Where a call was made. */
export interface CallPlace {
  /** A path, a URL, or `''`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** The calls that led to that of `below`, the innermost first. */
export function callStack(below: (...args: never[]) => unknown, limit: number): CallPlace[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    set('stackTraceLimit', limit);
    set('prepareStackTrace', (_: Error, sites: NodeJS.CallSite[]) => sites);
    Error.captureStackTrace(holder, below);
    return placesOf(holder.stack);
  } finally {
    set('stackTraceLimit', stackTraceLimit);
    set('prepareStackTrace', prepareStackTrace);
  }
}

function placesOf(stack: unknown): CallPlace[] {
  if (!Array.isArray(stack)) return [...String(stack).matchAll(AT)].map(([, file = '', line]) => ({ file, line: Number(line) }));
  const sites = stack as NodeJS.CallSite[];
  return sites.map((site) => ({ file: site.getFileName() ?? '', line: site.getLineNumber() ?? 1 }));
}

/** What `make` gives, made without looking at the stack where that can be had. */
export function withoutStack(make: () => Error): Error {
  const { stackTraceLimit } = Error;
  set('stackTraceLimit', 0);
  try {
    return make();
  } finally {
    set('stackTraceLimit', stackTraceLimit);
  }
}

/** No assignment: it throws where the intrinsics are frozen. */
function set(key: 'stackTraceLimit' | 'prepareStackTrace', value: unknown): void {
  Reflect.set(Error, key, value);
}

const AT = /^\s+at (?:.* \()?(.+?):(\d+):\d+\)?$/gm;
