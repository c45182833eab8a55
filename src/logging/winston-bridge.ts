/**
 * The bridge to winston, both ways: a parent's winston logger handles the records of children, and winston loggers of
 * children send theirs to the parent.
 *
 * Runs in every process. winston itself is the user's.
 */
import type { Writable } from 'node:stream';
import { forward, isHeardAbove, isWanted, textRecord } from './forwarder.js';
import { addHandler, type RecordHandler, removeHandler } from './handlers.js';
import { LEVELS, type LogLevel, OFF } from './levels.js';
import { textOfMessage } from './message-text.js';

/** What is needed of a logger of winston. */
export interface WinstonLogger {
  readonly levels: Readonly<Record<string, number>>;
  isLevelEnabled(level: string): boolean;
  log(entry: { level: string; message: string; [field: string]: unknown }): unknown;
}

/** Names that winston's sets of levels (npm, syslog, cli) have for ours, the best first. */
const NAMES: Readonly<Record<LogLevel, readonly string[]>> = {
  trace: ['silly', 'trace', 'debug'],
  debug: ['debug'],
  info: ['info'],
  warning: ['warn', 'warning'],
  error: ['error'],
  fatal: ['fatal', 'crit', 'error'],
};

/** The other way round. */
const LEVEL_OF_NAME: ReadonlyMap<string, LogLevel> = new Map<string, LogLevel>([
  ['silly', 'trace'],
  ['trace', 'trace'],
  ['debug', 'debug'],
  ['verbose', 'debug'],
  ['input', 'debug'],
  ['http', 'info'],
  ['info', 'info'],
  ['notice', 'info'],
  ['help', 'info'],
  ['data', 'info'],
  ['prompt', 'info'],
  ['warn', 'warning'],
  ['warning', 'warning'],
  ['error', 'error'],
  ['crit', 'fatal'],
  ['alert', 'fatal'],
  ['emerg', 'fatal'],
  ['fatal', 'fatal'],
]);

/**
 * Lets a logger of winston handle the log records of this process's children, by its level.
 *
 * - An entry has the record's `timestamp`, `category`, properties, and `processName`, `pid` and `taskId` of where it was made.
 * - LogTape's configuration, if there is one, handles them too. A level that changes later holds for children started from then on.
 *
 * @returns Ends it.
 * @example
 * const logger = winston.createLogger({ transports: [new winston.transports.Console()] });
 * handleWithWinston(logger);
 */
export function handleWithWinston(logger: WinstonLogger): Disposable {
  const nameOf = (level: LogLevel): string => NAMES[level].find((name) => name in logger.levels) ?? 'info';
  const handler: RecordHandler = {
    level() {
      const lowest = LEVELS.findIndex((level) => logger.isLevelEnabled(nameOf(level)));
      return lowest < 0 ? OFF : lowest;
    },
    handle(record) {
      const { level, properties, category, timestamp } = record;
      const entry = { ...properties, category, timestamp: new Date(timestamp).toISOString() };
      logger.log({ ...entry, level: nameOf(level), message: textOfMessage(record) });
    },
  };
  addHandler(handler);
  return { [Symbol.dispose]: () => removeHandler(handler) };
}

/**
 * A transport for loggers of winston so that their records, made in a child, are handled by the parent's configuration.
 *
 * In a main process, and where the parent has none, entries go to stdout as JSON. The category of a record is the `label` of its
 * entry, or `winston`.
 *
 * @example
 * export const logger = winston.createLogger({ transports: [winstonTransport()] });
 */
export function winstonTransport(): Writable {
  const { Writable } = process.getBuiltinModule('node:stream');
  let logger: Partial<WinstonLogger> & { readonly level?: string } = {};
  const log = (entry: Entry, done: () => void): void => {
    if (isLetThrough(entry, logger)) handleEntry(entry);
    done();
  };
  const stream = new Writable({ objectMode: true, write: (entry: Entry, _encoding, done) => log(entry, done) });
  stream.once('pipe', (source: object) => (logger = source)); // winston leaves it to transports to obey the level of their logger
  return Object.assign(stream, { log }); // by which winston knows a transport
}

/** What winston hands to a transport. */
type Entry = Record<string | symbol, unknown>;

/** Under which winston keeps the level as it was given, whatever formats make of `level`. */
const LEVEL = Symbol.for('level');

function levelNameOf(entry: Entry): string {
  return String(entry[LEVEL] ?? entry['level']);
}

function isLetThrough(
  entry: Entry,
  { level, levels }: { readonly level?: string; readonly levels?: WinstonLogger['levels'] },
): boolean {
  const [lowest, number] = [levels?.[level ?? ''], levels?.[levelNameOf(entry)]];
  return lowest === undefined || number === undefined || number <= lowest;
}

function handleEntry(entry: Entry): void {
  if (isHeardAbove()) forwardEntry(entry);
  else process.stdout.write(`${jsonOf(entry)}\n`);
}

function forwardEntry(entry: Entry): void {
  const { level: _level, message, label, timestamp: _timestamp, ...properties } = entry;
  const level = LEVEL_OF_NAME.get(levelNameOf(entry)) ?? 'info';
  const category = [typeof label === 'string' ? label : 'winston'];
  if (!isWanted(category, level)) return;
  const text = typeof message === 'string' ? message : process.getBuiltinModule('node:util').inspect(message);
  forward(textRecord(category, level, text, properties));
}

/** Fields that JSON cannot say are shown. */
function jsonOf(entry: Entry): string {
  try {
    return JSON.stringify(entry);
  } catch {
    return JSON.stringify(Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, sayable(value)])));
  }
}

function sayable(value: unknown): unknown {
  try {
    JSON.stringify(value);
    return value;
  } catch {
    return process.getBuiltinModule('node:util').inspect(value);
  }
}
