/**
 * Hands a record of a child to LogTape and the bridges of this process, or on to its own parent.
 *
 * Runs in parents. Errors of handlers never get out: they are counted, and said on stderr at most once a minute.
 */
import { now } from '../substrate/clock.js';
import { captured } from './capture-state.js';
import { escapeControls } from './escape-controls.js';
import { relay, relayText } from './forwarder.js';
import { allHandlers } from './handlers.js';
import { levelNumber } from './levels.js';
import type { LogEntry } from './log-ring.js';
import { loggerOf } from './logtape-registry.js';
import { rootLogger } from './logtape-root.js';
import { decodeRecord, type LogRecord } from './record-text.js';
import { printLine } from '../substrate/stderr.js';

export function handleEntry(entry: LogEntry): void {
  try {
    if (captured() !== undefined && rootLogger() === undefined && [...allHandlers()].length === 0)
      relayText(entry.text, entry.flags, entry.time);
    else handle(decodeRecord(entry.text, entry.flags));
  } catch (error) {
    complain('a record of a child could not be handled', error);
  }
}

/** Says that records were dropped before this one, in its place and on its behalf. */
export function handleDropped(dropped: number, next: LogEntry): void {
  try {
    const { category, timestamp, properties } = decodeRecord(next.text, next.flags);
    const { processName, pid } = properties;
    const text = `${dropped} log records of ${String(processName)} (pid ${String(pid)}) were dropped: they came faster than they were handled`;
    const notice = { dropped, processName, pid };
    handle({ category, timestamp, level: 'warning', message: [text], rawMessage: text, properties: notice });
  } catch (error) {
    complain(`${dropped} records of a child were dropped`, error);
  }
}

function handle(record: LogRecord): void {
  const root = rootLogger();
  if (root !== undefined) relay(() => loggerOf(root, record.category).emit(record));
  for (const handler of allHandlers()) {
    if (levelNumber(record.level) >= handler.level()) handler.handle(record);
  }
}

const QUIET_MS = 60_000;
let complaints = 0;
let complainedAt: number | undefined;

/** One line a minute, with the number of those that were kept back. */
export function complain(what: string, error: unknown): void {
  complaints++;
  if (complainedAt !== undefined && now() - complainedAt < QUIET_MS) return;
  complainedAt = now();
  const reason = error instanceof Error ? error.message : String(error);
  const text = `multiproc: ${what}: ${reason}${complaints > 1 ? ` (${complaints} times by now)` : ''}`;
  printLine(escapeControls(text));
}
