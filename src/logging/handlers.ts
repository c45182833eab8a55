/**
 * Who handles records in this process besides LogTape: the bridges to other loggers.
 *
 * Runs in every process.
 */
import { OFF } from './levels.js';
import type { LogRecord } from './record-text.js';

/** Takes the records of children. */
export interface RecordHandler {
  /** Number of the lowest level it wants, asked at each change. */
  level(): number;
  handle(record: LogRecord): void;
}

const handlers = new Set<RecordHandler>();
let onChange: (() => void) | undefined;

export function addHandler(handler: RecordHandler): void {
  handlers.add(handler);
  onChange?.();
}

export function removeHandler(handler: RecordHandler): void {
  handlers.delete(handler);
  onChange?.();
}

/** To be called when a handler wants another level. */
export function handlersChanged(): void {
  onChange?.();
}

/** Calls back when handlers come, go or change their level. */
export function onHandlersChange(callback: () => void): void {
  onChange = callback;
}

/** The lowest level that any of them wants. */
export function lowestOfHandlers(): number {
  return Math.min(OFF, ...[...handlers].map((handler) => handler.level()));
}

export function allHandlers(): Iterable<RecordHandler> {
  return handlers;
}
