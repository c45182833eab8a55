/**
 * The bridge to pino, both ways: a parent's pino logger handles the records of children, and pino loggers of children send
 * theirs to the parent.
 *
 * Runs in every process. pino itself is the user's.
 */
import { forward, isHeardAbove, isWanted, textRecord } from './forwarder.js';
import { addHandler, handlersChanged, type RecordHandler, removeHandler } from './handlers.js';
import { LEVELS, type LogLevel, OFF } from './levels.js';
import { textOfMessage } from './message-text.js';

type PinoMethod = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** What is needed of a logger of pino. */
export interface PinoLogger extends Readonly<Record<PinoMethod, (fields: object, message: string) => void>> {
  isLevelEnabled(level: string): boolean;
  on?(event: 'level-change', listener: () => void): unknown;
  removeListener?(event: 'level-change', listener: () => void): unknown;
}

const METHODS: Readonly<Record<LogLevel, PinoMethod>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  fatal: 'fatal',
};

/**
 * Lets a logger of pino handle the log records of this process's children, by its level.
 *
 * - A line has the record's `time`, `category`, properties, and `processName`, `pid` and `taskId` of where it was made.
 * - LogTape's configuration, if there is one, handles them too.
 *
 * @returns Ends it.
 * @example
 * const logger = pino({ level: 'info' });
 * handleWithPino(logger);
 */
export function handleWithPino(logger: PinoLogger): Disposable {
  const handler: RecordHandler = {
    level() {
      const lowest = LEVELS.findIndex((level) => logger.isLevelEnabled(METHODS[level]));
      return lowest < 0 ? OFF : lowest;
    },
    handle(record) {
      const { properties, timestamp, category, level } = record;
      const { error, ...rest } = properties;
      const named = error === undefined ? {} : error instanceof Error ? { err: error } : { error };
      const fields = { ...named, ...rest, category, time: timestamp };
      logger[METHODS[level]](fields, textOfMessage(record));
    },
  };
  addHandler(handler);
  logger.on?.('level-change', handlersChanged);
  return {
    [Symbol.dispose]() {
      logger.removeListener?.('level-change', handlersChanged);
      removeHandler(handler);
    },
  };
}

/** A stream for pino. */
export interface PinoDestination {
  write(line: string): void;
}

/**
 * Where a logger of pino writes so that its records, made in a child, are handled by the parent's configuration.
 *
 * In a main process, and where the parent has none, lines go to stdout as pino's do by default. The category of a record is the
 * `name` of its logger, or `pino`.
 *
 * @example
 * export const logger = pino({ name: 'app' }, pinoDestination());
 */
export function pinoDestination(): PinoDestination {
  return {
    write(line) {
      if (!isHeardAbove() || !forwardLine(line)) process.stdout.write(line);
    },
  };
}

/** False: it is no line of pino. */
function forwardLine(line: string): boolean {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return false;
  }
  const { level: given, time, msg, name, pid: _pid, hostname: _hostname, ...properties } = fields;
  const level = levelOfPino(given);
  if (level === undefined) return false;
  const category = [typeof name === 'string' ? name : 'pino'];
  if (!isWanted(category, level)) return true;
  const text = msg ?? properties['message']; // as a logger with `messageKey` calls it
  if (msg === undefined) delete properties['message'];
  if (properties['err'] !== undefined) properties['err'] = errorOfPino(properties['err']);
  const record = textRecord(category, level, typeof text === 'string' ? text : '', properties);
  const timestamp = typeof time === 'string' ? Date.parse(time) : time;
  forward(typeof timestamp === 'number' && Number.isFinite(timestamp) ? { ...record, timestamp } : record);
  return true;
}

/** By its number or, where the logger's formatter writes that, by its name. */
function levelOfPino(given: unknown): LogLevel | undefined {
  if (typeof given === 'number') return LEVELS[Math.min(5, Math.max(0, Math.floor(given / 10) - 1))];
  if (typeof given !== 'string') return undefined;
  return LEVELS.find((level) => METHODS[level] === given.toLowerCase()) ?? 'info';
}

/** An error as pino's serializer shows it is one again, or who handles it would not take it for one. */
function errorOfPino(shown: unknown): unknown {
  const { type, message, stack, ...rest } = Object(shown) as Record<string, unknown>;
  if (typeof type !== 'string' || typeof message !== 'string' || typeof stack !== 'string') return shown;
  const error = new Error(message);
  Object.defineProperties(error, {
    name: { value: type, configurable: true, writable: true },
    stack: { value: stack, configurable: true, writable: true },
  });
  return Object.assign(error, rest);
}
