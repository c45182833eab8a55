/**
 * A log record as the text that lies in shared memory: JSON, stamped with where it was made.
 *
 * Written by children, read by parents.
 *
 * ```text
 * [timestamp, category, raw message or null where it is the message, message, properties and stamp]
 * ```
 */
import { fromPortable, isSimple, toPortable } from './portable-value.js';
import { simpleText } from './simple-text.js';
import { type LogLevel, levelNumber, levelOf } from './levels.js';

/** A record, as LogTape has it. */
export interface LogRecord {
  readonly category: readonly string[];
  readonly level: LogLevel;
  /** Text and values in turn, text first and last. */
  readonly message: readonly unknown[];
  readonly rawMessage: string | readonly string[];
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly properties: Record<string, unknown>;
}

/** Where a record was made. */
export interface Stamp {
  readonly processName: string;
  readonly pid: number;
  /** The task of a worker. */
  readonly taskId?: number | undefined;
}

const LEVEL_MASK = 7;
/** Values are as `portable-value.ts` makes them. */
const TAGGED = 8;
/** What a text may have without a look at its bytes; a character of it takes three at most. */
const MAX_CHARACTERS = 2 ** 18;
const SHORTENED_CHARACTERS = 2 ** 13;

/** @returns The text, and the flags that go with it. */
export function encodeRecord(record: LogRecord, stamp: string): { text: string; flags: number } {
  const { message, properties, level } = record;
  const tagged = !message.every(isSimple) || !hasSimpleValues(properties);
  const text = tagged
    ? textOf(record, toPortable(message), eachOf(properties, toPortable), stamp)
    : simpleText(record, message, stamp);
  const flags = levelNumber(level) | (tagged ? TAGGED : 0);
  if (text.length <= MAX_CHARACTERS) return { text, flags };
  return { text: shortened(record, stamp), flags: levelNumber(level) };
}

/** The JSON of a stamp without its braces. */
export function stampText({ processName, pid, taskId }: Stamp): string {
  return `"processName":${JSON.stringify(processName)},"pid":${pid}${taskId === undefined ? '' : `,"taskId":${taskId}`}`;
}

function hasSimpleValues(properties: Record<string, unknown>): boolean {
  for (const key in properties) if (!isSimple(properties[key])) return false;
  return true;
}

function eachOf(properties: Record<string, unknown>, act: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, act(value)]));
}

function textOf(record: LogRecord, message: unknown, properties: Record<string, unknown>, stamp: string): string {
  const { category, rawMessage, timestamp } = record;
  const raw = record.message.length === 1 && rawMessage === record.message[0] ? null : rawMessage;
  const text = JSON.stringify([timestamp, category, raw, message, properties]);
  if (stamp === '') return text;
  // The stamp comes last in the properties: of two equal names JSON.parse takes the last.
  return `${text.slice(0, -2)}${text.endsWith('{}]') ? '' : ','}${stamp}}]`;
}

/** The beginning of what it says, where all of it is too long. */
function shortened(record: LogRecord, stamp: string): string {
  const whole = record.message.map((part) => (typeof part === 'string' ? part : JSON.stringify(toPortable(part)))).join('');
  const text = `${whole.slice(0, SHORTENED_CHARACTERS)}… ${Math.max(0, whole.length - SHORTENED_CHARACTERS)} more characters`;
  return textOf({ ...record, rawMessage: text, message: [text] }, [text], { shortened: true }, stamp);
}

/** The level of a record by its flags. */
export function levelOfFlags(flags: number): LogLevel | null {
  return levelOf(flags & LEVEL_MASK);
}

/** @throws {Error} If it is no text of this kind. */
export function decodeRecord(text: string, flags: number): LogRecord {
  const level = levelOfFlags(flags);
  const parts: unknown = JSON.parse(text);
  if (level === null || !Array.isArray(parts) || parts.length !== 5) throw new SyntaxError('it has not five parts');
  const [timestamp, category, raw, message, properties] = parts as unknown[];
  const tagged = (flags & TAGGED) !== 0;
  if (!Array.isArray(category) || !Array.isArray(message)) throw new SyntaxError('its category or message is no list');
  return {
    category: category.map(String),
    level,
    message: tagged ? message.map(fromPortable) : message,
    rawMessage: (raw as string | string[] | null) ?? String(message[0]),
    timestamp: Number(timestamp),
    properties: tagged ? eachOf(properties as Record<string, unknown>, fromPortable) : (properties as Record<string, unknown>),
  };
}
