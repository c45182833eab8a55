/**
 * Which file called, without an inspector.
 *
 * Runs in every process.
 */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { callStack } from './stack-traces.js';

/** The URL and line (from 0) of the code that called `below`; `''` if it is in no file. */
export function callerFile(below: (...args: never[]) => unknown): { url: string; line: number } {
  const { file, line } = callStack(below, 1)[0] ?? { file: '', line: 1 };
  return { url: isAbsolute(file) ? pathToFileURL(file).href : file, line: line - 1 };
}
