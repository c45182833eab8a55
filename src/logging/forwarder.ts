/**
 * Sends the records of this child to its parent, as far as the parent wants them.
 *
 * Runs in children, from the first record on.
 */
import { captured, origin } from './capture-state.js';
import { type LogLevel, levelNumber, levelOf, OFF } from './levels.js';
import { type LevelEntry, LevelTableReader, type OwnSettings } from './level-table.js';
import { LogWriter } from './log-writer.js';
import { loggerOf, loggersFrom } from './logtape-registry.js';
import type { TapeLogger } from './logtape-root.js';
import { type LogRecord, stampText } from './record-text.js';
import { wantedLevel } from './wanted-levels.js';

let writer: LogWriter | undefined;
let table: LevelTableReader | undefined;

function ownWriter(): LogWriter | undefined {
  if (writer !== undefined) return writer;
  const capture = captured();
  if (capture === undefined) return undefined;
  return (writer = new LogWriter(capture.parentId, capture.parentBell));
}

function parentTable(): LevelTableReader | undefined {
  if (table !== undefined) return table;
  const capture = captured();
  if (capture === undefined) return undefined;
  return (table = new LevelTableReader(capture.table));
}

/** What the parent wants to hear; undefined in a main process. */
export function upstreamLevels(): readonly LevelEntry[] | undefined {
  return parentTable()?.entries();
}

/** How the parent has set the library's own logger; undefined in a main process. */
export function upstreamOwn(): OwnSettings | undefined {
  return parentTable()?.own;
}

/** Whether the parent wants a record like this. */
export function isWanted(category: readonly string[], level: LogLevel): boolean {
  return levelNumber(level) >= wantedLevel(upstreamLevels() ?? [], category);
}

/** Whether there is a parent that wants any records. */
export function isHeardAbove(): boolean {
  return (upstreamLevels() ?? []).length > 0;
}

/** Set while a record of a child of this child passes through: it has its stamp already. */
let relaying = false;

/** Hands on what happens within as it is. */
export function relay(act: () => void): void {
  const outer = relaying;
  relaying = true;
  try {
    act();
  } finally {
    relaying = outer;
  }
}

/** Hands on a record of a child of this child that nobody here looked into. */
export function relayText(text: string, flags: number, time: number): void {
  ownWriter()?.relay(text, flags, time);
}

/** Sends a record made here. */
export function forward(record: LogRecord): void {
  ownWriter()?.write(record, relaying ? '' : stamp());
}

let stamped: { readonly name: string; readonly taskId: number | undefined; readonly text: string } | undefined;

function stamp(): string {
  const name = origin.name();
  const { taskId } = origin;
  if (stamped === undefined || stamped.name !== name || stamped.taskId !== taskId)
    stamped = { name, taskId, text: stampText({ processName: name, pid: process.pid, taskId }) };
  return stamped.text;
}

/** Forwards a warning. False: nobody wants it. */
export function forwardWarning(warning: Error & { code?: unknown; detail?: unknown }): boolean {
  if (warning.name === 'DeprecationWarning' && process.noDeprecation === true) return true;
  if (!isWanted(WARNING, 'warning')) return false;
  const text = `${warning.name}: ${warning.message}`;
  const { code, detail } = warning;
  forward(
    textRecord(WARNING, 'warning', text, {
      ...(code !== undefined && { code }),
      ...(detail !== undefined && { detail }),
      warning,
    }),
  );
  return true;
}

/** The categories of what is not LogTape's. */
const WARNING = ['process', 'warning'];
const CONSOLE = ['console'];

const LEVEL_OF_METHOD: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  trace: 'debug',
  log: 'info',
  info: 'info',
  dir: 'info',
  dirxml: 'info',
  warn: 'warning',
  error: 'error',
  assert: 'error',
};

/** Set while a record is made of console output: what that prints itself is printed. */
let inConsole = false;

/** Forwards console output. False: nobody listens, it is to be printed. */
export function forwardConsole(method: string, args: readonly unknown[]): boolean {
  if (inConsole || !isHeardAbove()) return false;
  if (method === 'assert' && Boolean(args[0])) return true;
  const level = LEVEL_OF_METHOD[method] ?? 'info';
  if (!isWanted(CONSOLE, level)) return true;
  inConsole = true;
  try {
    forward(textRecord(CONSOLE, level, consoleText(method, args), {}));
  } finally {
    inConsole = false;
  }
  return true;
}

function consoleText(method: string, args: readonly unknown[]): string {
  const { format, inspect } = process.getBuiltinModule('node:util');
  if (method === 'dir') return inspect(args[0], { customInspect: false, ...(args[1] as object | undefined) });
  if (method === 'assert') return assertionText(args.slice(1));
  const text = format(...args);
  if (method !== 'trace') return text;
  const stack: { stack?: string } = {};
  // oxlint-disable-next-line no-console -- the frames from there on are the library's
  Error.captureStackTrace(stack, console.trace);
  return `Trace${text === '' ? '' : `: ${text}`}${(stack.stack ?? '').replace(/^[^\n]*/, '')}`;
}

/** What was not as it should be may be a format, as in the first argument of `console.log`. */
function assertionText(args: readonly unknown[]): string {
  const { format } = process.getBuiltinModule('node:util');
  const [first, ...rest] = args;
  if (typeof first === 'string') return format(`Assertion failed: ${first}`, ...rest);
  return args.length === 0 ? 'Assertion failed' : format('Assertion failed:', ...args);
}

/** A record whose message is one text. */
export function textRecord(
  category: readonly string[],
  level: LogLevel,
  text: string,
  properties: Record<string, unknown>,
): LogRecord {
  return { category, level, message: [text], rawMessage: text, timestamp: Date.now(), properties };
}

/** Loggers of this child's LogTape that stand in for those of the parent, and what the parent wants of them. */
const stands = new Map<TapeLogger, { level: LogLevel | null }>();
let attachedTo: TapeLogger | undefined;

/** Makes this child's LogTape forward, unless somebody has configured it already; whoever configures it later ends that. */
export function attach(root: TapeLogger): void {
  if (loggersFrom(root).some(({ sinks }) => sinks.length > 0)) return;
  attachedTo = root;
  follow();
}

/** Gives the loggers the levels that the parent wants now. */
function follow(): void {
  if (attachedTo === undefined) return;
  const entries = upstreamLevels() ?? [];
  const wanted = new Map<TapeLogger, number>([[attachedTo, OFF]]);
  for (const [category, level] of entries) wanted.set(loggerOf(attachedTo, category), level);
  for (const logger of stands.keys()) if (!wanted.has(logger)) leave(logger);
  for (const [logger, level] of wanted) {
    const stand = stands.get(logger) ?? standIn(logger);
    stand.level = levelOf(level);
  }
}

function standIn(logger: TapeLogger): { level: LogLevel | null } {
  const stand = { level: null as LogLevel | null };
  stands.set(logger, stand);
  logger.sinks.push(sink);
  logger.parentSinks = 'override';
  Object.defineProperty(logger, 'lowestLevel', {
    configurable: true,
    enumerable: true,
    get() {
      if (table?.changed === true) follow();
      return stand.level;
    },
    set(level: LogLevel | null) {
      detach(); // somebody configures LogTape in this child
      logger.lowestLevel = level;
    },
  });
  return stand;
}

function detach(): void {
  attachedTo = undefined;
  for (const logger of stands.keys()) leave(logger);
}

function leave(logger: TapeLogger): void {
  stands.delete(logger);
  Reflect.deleteProperty(logger, 'lowestLevel');
  // Older copies of LogTape keep it in the logger itself.
  if (!('lowestLevel' in logger))
    Object.defineProperty(logger, 'lowestLevel', { value: 'trace', configurable: true, enumerable: true, writable: true });
  const index = logger.sinks.indexOf(sink);
  if (index >= 0) logger.sinks.splice(index, 1);
  logger.parentSinks = 'inherit';
}

/** LogTape's sink; told to be given records as they are, since it encodes them at once. */
const sink: (record: LogRecord) => void = Object.assign(
  (record: LogRecord) => {
    forward(record);
  },
  { [Symbol.for('LogTape.sinkSnapshotPolicy.immediate')]: true },
);
