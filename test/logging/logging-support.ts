/**
 * LogTape as the tests of logging use it, in the test process and in children, and the records that arrive.
 *
 * Runs in test processes and their children.
 */
import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import type { LogLevel } from '#src/index.js';

/** A record as LogTape gives it to sinks. */
export interface TapeRecord {
  readonly category: readonly string[];
  readonly level: LogLevel;
  readonly message: readonly unknown[];
  readonly rawMessage: string | readonly string[];
  readonly timestamp: number;
  readonly properties: Record<string, unknown>;
}

interface TapeLogger {
  trace(message: string, properties?: object): void;
  debug(message: string, properties?: object): void;
  info(message: string, properties?: object): void;
  warning(message: string, properties?: object): void;
  error(message: string, properties?: object): void;
  fatal(message: string, properties?: object): void;
  isEnabledFor(level: LogLevel): boolean;
}

export interface LoggerConfig {
  readonly category: string | readonly string[];
  readonly sinks?: readonly string[];
  readonly lowestLevel?: LogLevel | null;
  readonly parentSinks?: 'inherit' | 'override';
  readonly filters?: readonly string[];
}

interface LogTape {
  configureSync(config: {
    reset?: boolean;
    sinks: Record<string, (record: TapeRecord) => void>;
    filters?: Record<string, (record: TapeRecord) => boolean>;
    loggers: readonly LoggerConfig[];
  }): void;
  resetSync(): void;
  getLogger(category: string | readonly string[]): TapeLogger;
}

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
