/**
 * The message of a record as one text.
 *
 * Runs in every process.
 */
import type { LogRecord } from './record-text.js';

/** Text parts as they are, values as `util.inspect` shows them. */
export function textOfMessage({ message }: LogRecord): string {
  return message
    .map((part, index) =>
      index % 2 === 0 && typeof part === 'string'
        ? part
        : process.getBuiltinModule('node:util').inspect(part, { maxStringLength: null }),
    )
    .join('');
}
