/**
 * What a child needs only once it sends a function itself, or meets a module without a probe: loaded at first use,
 * because every module costs a child half a millisecond of its start.
 *
 * Runs in every process. A parent hands the sending half in; a child requires it.
 */
import { createRequire } from 'node:module';
import type { ValueWriter } from './codec-types.js';

/** The half that sends. */
export interface FunctionWriter {
  writeFunction(fn: object, out: ValueWriter): void;
  writeModule(value: object, out: ValueWriter): void;
  matchesInstance(value: object): boolean;
  writeInstance(value: object, out: ValueWriter): void;
}

/** Hands the sending half in, where it is loaded anyway. */
export function setFunctionWriter(functionWriter: FunctionWriter): void {
  writer = functionWriter;
}

/** The sending half. */
export function functionWriter(): FunctionWriter {
  writer ??= (require('./function-writing.js') as { functionWriting: FunctionWriter }).functionWriting;
  return writer;
}

/** The variables of a loaded module, as V8 shows them through any function that it exports. */
export function moduleSnapshot(exports: unknown, url: string): Record<string, unknown> | undefined {
  const { readModuleScope } = require('./module-snapshot.js') as {
    readModuleScope: (exports: unknown, url: string) => Record<string, unknown> | undefined;
  };
  return readModuleScope(exports, url);
}

const require: NodeJS.Require = createRequire(import.meta.url);
let writer: FunctionWriter | undefined;
