/**
 * LogTape's loggers, as the copy of LogTape that the user has keeps them: a tree that hangs at a registered symbol of the
 * global object, shared by all copies.
 *
 * Runs in every process. The library does not depend on LogTape: where the user has none, there is no tree.
 */
import type { LogLevel } from './levels.js';
import type { LogRecord } from './record-text.js';

/** A logger of LogTape, as far as it is needed here. */
export interface TapeLogger {
  readonly category: readonly string[];
  readonly children: Readonly<Record<string, TapeLogger | { deref(): TapeLogger | undefined }>>;
  readonly sinks: ((record: LogRecord) => void)[];
  readonly filters: readonly unknown[];
  parentSinks: string;
  lowestLevel: LogLevel | null;
  getChild(category: readonly [string, ...string[]]): TapeLogger;
  isEnabledFor?(level: LogLevel): boolean;
  getSinks(level: LogLevel): Iterable<unknown>;
  emit(record: LogRecord): void;
  resetDescendants(): void;
}

const ROOT: unique symbol = Symbol.for('logtape.rootLogger') as never;
const registry = globalThis as { [ROOT]?: TapeLogger | undefined };

/** The root logger; undefined while LogTape is not loaded. */
export function rootLogger(): TapeLogger | undefined {
  return registry[ROOT];
}

/** Calls back with the root logger: now, or as soon as LogTape is loaded. */
export function whenLoaded(callback: (root: TapeLogger) => void): void {
  const there = registry[ROOT];
  if (there !== undefined && there !== null) {
    callback(there);
    return;
  }
  const before = Object.getOwnPropertyDescriptor(registry, ROOT)?.set;
  Object.defineProperty(registry, ROOT, {
    configurable: true,
    enumerable: true,
    get: () => undefined,
    set(root: TapeLogger) {
      Object.defineProperty(registry, ROOT, { value: root, configurable: true, enumerable: true, writable: true });
      before?.call(registry, root);
      callback(root);
    },
  });
}
