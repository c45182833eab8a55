/**
 * `multiproc/logging`: the library's own logger, and bridges to loggers other than LogTape.
 *
 * Runs in every process.
 */
export { escapeControls } from './escape-controls.js';
export type { LogLevel } from './levels.js';
export { getLogger, logToStderr, type OwnLogger } from './own-logger.js';
export { handleWithPino, type PinoDestination, pinoDestination, type PinoLogger } from './pino-bridge.js';
export { handleWithWinston, type WinstonLogger, winstonTransport } from './winston-bridge.js';
