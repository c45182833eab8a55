/**
 * The levels of log records, by LogTape's names, and their numbers in shared memory.
 *
 * Runs in every process.
 */

/** Severity of a record, lowest first. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'fatal';

export const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warning', 'error', 'fatal'];
/** From here on a record is never dropped. */
export const ERROR_NUMBER = 4;
/** Above every level: nothing is let through. */
export const OFF = 6;

/** The number of a level; null (nothing) is above all. */
export function levelNumber(level: LogLevel | null): number {
  return level === null ? OFF : LEVELS.indexOf(level);
}

/** The level of a number; null where it is none. */
export function levelOf(number: number): LogLevel | null {
  return LEVELS[number] ?? null;
}

/** @throws {TypeError} If it is no level. */
export function checkLevel(act: string, level: unknown): void {
  if (!LEVELS.includes(level as LogLevel))
    throw new TypeError(`Cannot ${act}: level must be one of ${LEVELS.join(', ')}, received ${String(level)}`);
}
