/**
 * The ways in which a process can be started, and the one that this program has chosen.
 *
 * Runs in every process. A child begins with the choice of the process that started it. What names its start method
 * itself, an explicit context for instance, neither makes nor needs a choice.
 */
import { InvalidStateError } from '../errors.js';
import { awaitForkserver, launchForked } from './forkserver/fork-launcher.js';
import { bootOf } from './identity.js';
import { type Child, launch, type LaunchRequest } from './launcher.js';

/** `spawn`: a fresh node. `forkserver`: a copy of a prepared one. `fork`: a copy of this one, which no program of Node survives. */
export type StartMethod = 'spawn' | 'forkserver' | 'fork';

/** A start method, or a context that has one. */
export type ContextOption = StartMethod | { getStartMethod(): StartMethod };

/** How a method starts a process. */
interface Launcher {
  launch(request: LaunchRequest): Child;
  /** What a launch had better wait for; undefined: nothing. What the launch needs is asked for only if that decides. */
  prepare?(needs?: () => Pick<LaunchRequest, 'execArgv' | 'env'>): Promise<void> | undefined;
}

/** The default comes first. */
const LAUNCHERS: ReadonlyMap<StartMethod, Launcher> = new Map<StartMethod, Launcher>([
  ['spawn', { launch }],
  ['forkserver', { launch: launchForked, prepare: awaitForkserver }],
]);

let chosen: StartMethod | undefined;
/** The choice was made, or taken back, by this process; before that it is that of its parent. */
let isOwn = false;

function choice(): StartMethod | undefined {
  return isOwn ? chosen : bootOf()?.startMethod;
}

/**
 * Chooses how this program starts processes.
 *
 * @param method null, with `force`, takes the choice back.
 * @param options `force`: also if it was chosen before.
 * @throws {InvalidStateError} If it was chosen before, also by starting a process or asking for the start method.
 * @throws {RangeError} If this program cannot use the method.
 *
 * @python `multiprocessing.set_start_method()`
 */
export function setStartMethod(method: StartMethod | null, { force = false }: { readonly force?: boolean } = {}): void {
  const act = 'set the start method';
  if (!force && choice() !== undefined)
    throw new InvalidStateError(`Cannot ${act}: it has already been set to '${choice()}'; pass { force: true } to change it`);
  if (method === null && !force)
    throw new TypeError(`Cannot ${act}: it can only be taken back with { force: true }, received null`);
  chosen = method === null ? undefined : checkStartMethod(act, method);
  isOwn = true;
}

/**
 * How this program starts processes. Unless `allowNone` is given, the default becomes the choice.
 *
 * @returns null only with `allowNone`, if nothing was chosen.
 * @python `multiprocessing.get_start_method()`
 */
export function getStartMethod(options?: { readonly allowNone?: false | undefined }): StartMethod;
export function getStartMethod(options: { readonly allowNone?: boolean | undefined }): StartMethod | null;
export function getStartMethod({ allowNone = false }: { readonly allowNone?: boolean | undefined } = {}): StartMethod | null {
  const now = choice();
  if (now !== undefined || allowNone) return now ?? null;
  chosen = defaultMethod();
  isOwn = true;
  return chosen;
}

/** The start methods of this platform, the default first. @python `multiprocessing.get_all_start_methods()` */
export function getAllStartMethods(): StartMethod[] {
  return [...LAUNCHERS.keys()];
}

/** What an option asks for; without it, the choice of this program, which is made then. */
export function methodOf(context: ContextOption | undefined): StartMethod {
  if (context === undefined) return getStartMethod();
  return typeof context === 'string' ? context : context.getStartMethod();
}

/** @throws {TypeError|RangeError} If it names no start method that this program can use. */
export function checkContext(act: string, context: unknown): void {
  if (typeof context === 'string') {
    checkStartMethod(act, context);
    return;
  }
  const { getStartMethod: read } = Object(context) as { getStartMethod?: unknown };
  if (typeof read !== 'function')
    throw new TypeError(`Cannot ${act}: context must be a context or the name of a start method, received ${String(context)}`);
}

/** @throws {TypeError|RangeError} If this program cannot start processes so. */
export function checkStartMethod(act: string, method: unknown): StartMethod {
  if (typeof method !== 'string')
    throw new TypeError(`Cannot ${act}: a start method must be a string, received ${String(method)}`);
  if (method === 'fork')
    throw new RangeError(
      `Cannot ${act}: a fork of a running program would run its timers, promises and handlers a second time and share its ` +
        `sockets, without the threads that they need; use 'forkserver', which forks a process that is kept free of them, received 'fork'`,
    );
  const all = getAllStartMethods();
  if (!all.includes(method as StartMethod))
    throw new RangeError(`Cannot ${act}: the start methods here are ${all.join(' and ')}, received '${method}'`);
  return method as StartMethod;
}

/** How a method starts a process. */
export function launcherOf(method: StartMethod): Launcher {
  return LAUNCHERS.get(checkStartMethod('start a process', method)) as Launcher;
}

function defaultMethod(): StartMethod {
  return getAllStartMethods()[0] as StartMethod;
}
