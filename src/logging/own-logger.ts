/**
 * The library's own logger: what it says of the lives of processes, silent unless somebody asks.
 *
 * Runs in every process.
 */
import { callerOf, type Place } from './caller.js';
import { captured, origin } from './capture-state.js';
import { escapeControls } from './escape-controls.js';
import { forward, isWanted, textRecord } from './forwarder.js';
import { checkLevel, type LogLevel, levelNumber } from './levels.js';
import { loggerOf } from './logtape-registry.js';
import { rootLogger } from './logtape-root.js';
import { ownSettings, setOwn } from './own-settings.js';
import { printLine } from '../substrate/stderr.js';

/** The library's own logger, of LogTape's category `multiproc`. */
export interface OwnLogger {
  /** What is below it is left out; null: set neither here nor in a parent. */
  readonly level: LogLevel | null;
  /** For this process and its children. @throws {TypeError} If it is no level. */
  setLevel(level: LogLevel | null): void;
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

const CATEGORY = ['multiproc'];
/** Of stderr, where no level is set. */
const DEFAULT_LEVEL: LogLevel = 'warning';

/**
 * The library's own logger.
 *
 * - Silent by default: its messages go where LogTape's configuration sends the category `multiproc`, and to stderr after `logToStderr()`.
 * - Its level holds for children too, until they set their own.
 * - Records of a program's own calls tell `file` and `line` in their properties.
 *
 * @python `multiprocessing.get_logger()`
 */
export function getLogger(): OwnLogger {
  return OWN;
}

/**
 * Prints the library's own messages on stderr, in children too: lines such as `[INFO/Process-1] child process calling run()`.
 * A second call prints nothing twice.
 *
 * @param level The level to set; without it, and if none was set, warnings and errors are printed.
 * @returns The library's own logger.
 * @throws {TypeError} If it is no level.
 * @python `multiprocessing.log_to_stderr()`, which prints twice after a second call.
 */
export function logToStderr(level?: LogLevel): OwnLogger {
  if (level !== undefined) checkLevel('log to stderr', level);
  setOwn({ stderr: true, ...(level !== undefined && { level }) });
  return OWN;
}

/**
 * Says something of the life of a process.
 *
 * @param place Asked where it was said, if somebody wants to hear it.
 */
export function say(level: LogLevel, message: string, place: () => Place = () => ({})): void {
  const own = ownSettings();
  if (own.stderr && levelNumber(level) >= levelNumber(own.level ?? DEFAULT_LEVEL)) print(level, message);
  if (own.level !== null && levelNumber(level) < levelNumber(own.level)) return;
  const root = rootLogger();
  if (root !== undefined) {
    const properties = { ...place(), processName: origin.name(), pid: process.pid };
    loggerOf(root, CATEGORY).emit(textRecord(CATEGORY, level, message, properties));
  } else if (captured() !== undefined && isWanted(CATEGORY, level)) forward(textRecord(CATEGORY, level, message, { ...place() }));
}

/** Written at once: whatever happens next, it is said. */
function print(level: LogLevel, message: string): void {
  try {
    const line = escapeControls(`[${level.toUpperCase()}/${origin.name()}] ${message}`);
    printLine(line);
  } catch {
    // stderr is closed.
  }
}

const OWN: OwnLogger = {
  get level() {
    return ownSettings().level;
  },
  setLevel(level) {
    if (level !== null) checkLevel('set the level of the logger', level);
    setOwn({ level });
  },
  debug: (message) => say('debug', message, () => callerOf(OWN.debug)),
  info: (message) => say('info', message, () => callerOf(OWN.info)),
  warning: (message) => say('warning', message, () => callerOf(OWN.warning)),
  error: (message) => say('error', message, () => callerOf(OWN.error)),
};
