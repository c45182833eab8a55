/**
 * LogTape as the tests of logging use it, in the test process and in children, and the records that arrive.
 *
 * Runs in test processes and their children.
 */
import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import type * as tape from '@logtape/logtape';

/** A record as LogTape gives it to sinks. */
export type TapeRecord = tape.LogRecord;

type LogTape = Pick<typeof tape, 'configureSync' | 'resetSync' | 'getLogger'>;

/** A logger of a configuration whose sinks and filters are of any name. */
export type LoggerConfig = tape.LoggerConfig<string, string>;

/** The user's copy of LogTape, loaded at the first call. */
export function logtape(): LogTape {
  return createRequire(import.meta.url)('@logtape/logtape') as LogTape;
}

/** LogTape's own messages, which no test is about. */
export const QUIET: LoggerConfig = { category: ['logtape', 'meta'], lowestLevel: null };

/** Configures LogTape in this process for one test: loggers whose sinks are named `all`. @returns The records that arrive. */
export function listen(
  t: TestContext,
  loggers: readonly LoggerConfig[] = [{ category: [], sinks: ['all'], lowestLevel: 'trace' }],
): TapeRecord[] {
  const records: TapeRecord[] = [];
  logtape().configureSync({ reset: true, sinks: { all: (record) => records.push(record) }, loggers: [...loggers, QUIET] });
  t.after(() => logtape().resetSync());
  return records;
}

/** The text of a record's message. */
export function textOf({ message }: TapeRecord): string {
  return message.map(String).join('');
}
