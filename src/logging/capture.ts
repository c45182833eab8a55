/**
 * Takes the log records of a child on their way: of LogTape, of `process.emitWarning`, and of `console` if that is wanted.
 *
 * Runs in children, before user code; whatever costs time waits for the first record.
 */
import { type Capture, setCapture } from './capture-state.js';
import { attach, forwardConsole, forwardWarning } from './forwarder.js';
import { whenLoaded } from './logtape-root.js';

/** Begins to take records. */
export function captureLogs(start: Capture): void {
  if (start.table === 0) return;
  setCapture(start);
  whenLoaded(attach);
  takeWarnings();
  if (start.captureConsole) takeConsole();
}

/** Node's own listener, which prints warnings, is asked only when the parent does not want them. */
function takeWarnings(): void {
  const [printer] = process.listeners('warning');
  if (printer === undefined || printer.name !== 'onWarning' || process.env['NODE_REDIRECT_WARNINGS'] !== undefined) return;
  const forwarded = new WeakSet<Error>();
  const forwardOnce = (warning: Error): boolean => {
    if (!forwarded.has(warning) && forwardWarning(warning)) forwarded.add(warning);
    return forwarded.has(warning);
  };
  process.removeListener('warning', printer);
  process.on('warning', (warning) => {
    if (!forwardOnce(warning)) printer.call(process, warning);
  });
  seeEarly(forwardOnce);
}

/** Node emits a warning at the next tick; a process that is killed or exits before that has none. */
function seeEarly(see: (warning: Error) => void): void {
  const { emitWarning } = process;
  const taken = (...args: readonly unknown[]): void => {
    const { nextTick } = process;
    process.nextTick = (callback: (...rest: unknown[]) => void, ...rest: unknown[]): void => {
      if (rest[0] instanceof Error) see(rest[0]);
      nextTick(callback, ...rest);
    };
    try {
      Reflect.apply(emitWarning, process, args);
    } finally {
      process.nextTick = nextTick;
    }
  };
  process.emitWarning = taken as typeof emitWarning;
}

type Method = 'debug' | 'trace' | 'log' | 'info' | 'dir' | 'dirxml' | 'warn' | 'error' | 'assert';
const METHODS: readonly Method[] = ['debug', 'trace', 'log', 'info', 'dir', 'dirxml', 'warn', 'error', 'assert'];

function takeConsole(): void {
  for (const method of METHODS) {
    const print = console[method] as (...args: unknown[]) => void;
    const taken = (...args: unknown[]): void => {
      if (!forwardConsole(method, args)) print(...args);
    };
    Object.defineProperty(console, method, { value: taken, configurable: true, enumerable: true, writable: true });
  }
}
