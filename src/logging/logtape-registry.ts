/**
 * What LogTape's loggers are configured to let through.
 *
 * Runs in every process.
 */
import { LEVELS, type LogLevel, OFF } from './levels.js';
import type { TapeLogger } from './logtape-root.js';
import type { LevelEntry } from './level-table.js';

/** The logger of a category, made where there is none. */
export function loggerOf(root: TapeLogger, category: readonly string[]): TapeLogger {
  return category.length === 0 ? root : root.getChild(category as [string, ...string[]]);
}

/** The loggers there are, from the root down. */
export function loggersFrom(logger: TapeLogger): TapeLogger[] {
  const children = Object.values(logger.children).flatMap((child) => {
    const there = 'deref' in child ? child.deref() : child;
    return there === undefined ? [] : loggersFrom(there);
  });
  return [logger, ...children];
}

/** The levels at which loggers hand on records: an entry for each that differs from the one above it. */
export function levelsOf(root: TapeLogger): LevelEntry[] {
  const entries: LevelEntry[] = [];
  const visit = (logger: TapeLogger, above: number | undefined): void => {
    const lowest = lowestOf(logger);
    if (lowest !== above) entries.push([logger.category, lowest]);
    for (const child of Object.values(logger.children)) {
      const there = 'deref' in child ? child.deref() : child;
      if (there !== undefined) visit(there, lowest);
    }
  };
  visit(root, undefined);
  return entries.every(([, level]) => level === OFF) ? [] : entries;
}

function lowestOf(logger: TapeLogger): number {
  const lowest = LEVELS.findIndex((level) => isEnabled(logger, level));
  return lowest < 0 ? OFF : lowest;
}

function isEnabled(logger: TapeLogger, level: LogLevel): boolean {
  if (logger.isEnabledFor !== undefined) return logger.isEnabledFor(level);
  if (logger.lowestLevel === null || LEVELS.indexOf(level) < LEVELS.indexOf(logger.lowestLevel)) return false;
  return [...logger.getSinks(level)].length > 0;
}

/** Calls back after every change of LogTape's configuration. */
export function onConfigured(root: TapeLogger, callback: () => void): void {
  const { resetDescendants } = root;
  // Every configuration begins with a reset, and is complete before the next microtask.
  Object.defineProperty(root, 'resetDescendants', {
    configurable: true,
    writable: true,
    value(this: TapeLogger) {
      resetDescendants.call(this);
      queueMicrotask(callback);
    },
  });
}
