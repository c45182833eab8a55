/**
 * The options of `multiproc doctor`.
 *
 * Runs in the parent. A table only.
 */
import type { OptionSpec } from './arguments.js';

/** Every option of the verb, in the order of the help text. */
export const DOCTOR_OPTIONS: readonly OptionSpec[] = [
  { name: 'json', help: 'write the findings as one JSON object' },
  { name: 'help', short: 'h', help: 'show this text' },
];
