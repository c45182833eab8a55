/**
 * Start method `forkserver`: gives each child to the server that forks, or where that cannot be to a standby.
 *
 * Runs in parents. A child that is started before the server is ready gets a standby as well: who would rather wait
 * awaits `awaitForkserver()` first.
 */
import { ProcessError } from '../errors.js';
import { binding } from '../native/binding.js';
import { type ChildFds, openChildFds } from '../process/child-fds.js';
import {
  type Child,
  type ChildRequest,
  handleOf,
  homeArgument,
  launchWith,
  type Place,
  prepareLaunch,
  type Started,
} from '../process/launcher.js';
import { childEnvironment } from '../process/child-setup.js';
import type { ProcessOptions } from '../process/process-options.js';
import { Bell } from '../substrate/doorbell.js';
import { isFailure, systemError } from '../substrate/failure.js';
import { self } from '../substrate/self.js';
import { execArgvForChild } from '../wire/loader-flags.js';
import { ForkServer } from './fork-server.js';
import { differsAtStart, refusalHere } from './fork-support.js';
import type { ChildOrder, ForkProgram } from './job.js';
import { preloadNow } from './preload.js';
import type { ServerProcess } from './server-process.js';
import { Standby } from './standby.js';

/** What of a Process's options the start is about. */
export type ForkOptions = Pick<ProcessOptions, 'env' | 'cwd' | 'execArgv' | 'stdio' | 'maxOldSpaceMb' | 'detached'>;

/** How children are started now. */
export interface ForkserverState {
  readonly variant: 'fork' | 'standby';
  /** Why it is not 'fork'. */
  readonly reason?: string;
}

/** So many servers in turn may be gone before their first child; then there are standbys only. */
const FAILURES_ALLOWED = 3;

let server: ForkServer | undefined;
let standby: Standby | undefined;
/** Modules and users change: then there is another server. */
let key = '';
let failures = 0;
let refusal: string | undefined;

/** Starts a child. @throws {SystemError} If it cannot be started, or a module that must be preloaded cannot be. */
export function launchForked(options: ForkOptions, request: ChildRequest, program: Exclude<ForkProgram, 'self-test'>): Child {
  prepareLaunch();
  return launchWith((place) => start(options, request, program, place), request);
}

/**
 * What a start has to wait for: the server's first test. Undefined: nothing; rejects if a module that must be preloaded cannot be.
 */
export function awaitForkserver(options: ForkOptions = {}): Promise<void> | undefined {
  if (needsStandby(options)) return undefined;
  const current = serverNow();
  if (current === undefined) return undefined;
  if (current.ready) return current.failures.length === 0 ? undefined : Promise.resolve().then(() => judgePreload(current));
  return decided(current);
}

async function decided(current: ForkServer): Promise<void> {
  const { doorbell } = self();
  doorbell.hold();
  await current.decided;
  doorbell.release();
  judgePreload(current);
}

/** Done once per server that warns; each time with one that must fail. */
function judgePreload(current: ForkServer): void {
  const { onError } = current.preload;
  const texts = current.failures.map(({ module, message }) => `'${module}' in the fork server: ${message}`);
  if (onError === 'fail' && texts.length > 0) throw new ProcessError(`Cannot preload ${texts.join('; ')}`);
  if (onError === 'warn' && !warned.has(current)) for (const text of texts) process.emitWarning(`Cannot preload ${text}`);
  warned.add(current);
}

const warned = new WeakSet<ForkServer>();

/** How a child started now would be started. */
export function forkserverState(): ForkserverState {
  if (server?.ready === true) return { variant: 'fork' };
  return { variant: 'standby', reason: refusal ?? server?.refusal ?? 'the fork server is not ready yet' };
}

/** Ends the servers that no child needs; the next child gets another one. */
export function stopForkserver(): void {
  server?.stop('it was stopped');
  standby?.stop();
  server = undefined;
  standby = undefined;
  failures = 0;
}

/** The server that forks; started at need, replaced when it is dead. */
function serverNow(): ForkServer | undefined {
  const { changes } = preloadNow();
  const wanted = [changes, process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()].join();
  if (wanted !== key) {
    key = wanted;
    server = undefined; // the one before lives on with its children
    standby?.stop();
    standby = undefined;
    failures = 0;
  }
  refusal = refusalHere();
  if (refusal !== undefined) return undefined;
  if (server?.refusal !== undefined) {
    failures = server.wasReady ? 0 : failures + 1;
    if (failures < FAILURES_ALLOWED) server = undefined;
    else refusal = server.refusal;
  }
  return refusal === undefined ? (server ??= new ForkServer()) : undefined;
}

function start(options: ForkOptions, request: ChildRequest, program: ForkProgram, place: Place): Started {
  const given = openChildFds(options.stdio ?? 'inherit', place.undo);
  const detached = options.detached ?? false;
  const home = homeArgument({ ...request, detached }, place);
  const order = (base: ServerProcess['env']): Omit<ChildOrder, 'random'> => ({
    program,
    home,
    env: changesOf(base, childEnvironment(options.env)),
    cwd: options.cwd ?? null,
  });
  return forked(options, order, given, place) ?? stoodBy(options, order, given, place);
}

type OrderFor = (env: ServerProcess['env']) => Omit<ChildOrder, 'random'>;

/** By the server that forks; undefined: it cannot do this one. */
function forked(options: ForkOptions, orderFor: OrderFor, given: ChildFds, place: Place): Started | undefined {
  if (needsStandby(options)) return undefined;
  const current = serverNow();
  if (current?.ready !== true) return undefined;
  const order = orderFor(current.process.env);
  if (differsAtStart(order.env)) return undefined;
  const answer = current.fork(order, [...given.stdio, given.bellRead, given.bellWrite], options.detached ?? false);
  if (!isFailure(answer)) return startedAs(answer, given, place);
  if (answer.syscall === 'forkserver' || answer.errno === EBUSY) return undefined;
  throw systemError('start a process', answer.errno, answer.syscall);
}

function stoodBy(options: ForkOptions, orderFor: OrderFor, given: ChildFds, place: Place): Started {
  standby ??= new Standby();
  const native = binding();
  const taken = standby.take(
    needsStandby(options) || options.cwd !== undefined
      ? { flags: flagsOf(options), env: options.env, cwd: options.cwd }
      : undefined,
  );
  const text = JSON.stringify({ ...orderFor(taken.env), random: null } satisfies ChildOrder);
  const failed = native.becomeChild(
    taken.calls,
    text,
    [...given.stdio, given.bellRead, given.bellWrite],
    options.detached ?? false,
  );
  taken.forget();
  for (const fd of [taken.calls, taken.reaps]) native.closeFd(fd);
  if (failed !== 0) {
    taken.kill();
    throw systemError('start a process', failed, 'sendmsg');
  }
  return startedAs(taken, given, place);
}

function startedAs({ id, pid }: { id: number; pid: number }, given: ChildFds, { participant }: Place): Started {
  return { ...handleOf(id), pid, bell: new Bell(participant, given.bellWrite), ...given.handOver() };
}

/** Whether the options ask for what a node can be given only at its start. */
function needsStandby({ execArgv, maxOldSpaceMb, env }: ForkOptions): boolean {
  if (execArgv !== undefined || maxOldSpaceMb !== undefined) return true;
  return env !== undefined && differsAtStart(changesOf(childEnvironment(undefined), childEnvironment(env)));
}

function flagsOf({ execArgv = execArgvForChild(), maxOldSpaceMb }: ForkOptions): readonly string[] {
  return maxOldSpaceMb === undefined ? execArgv : [...execArgv, `--max-old-space-size=${maxOldSpaceMb}`];
}

/** What makes the second environment of the first; null: the variable goes. */
function changesOf(
  before: Readonly<Record<string, string | undefined>>,
  after: Readonly<Record<string, string | undefined>>,
): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(after)) if (value !== before[name]) changes[name] = value ?? null;
  for (const name of Object.keys(before)) if (before[name] !== undefined && after[name] === undefined) changes[name] = null;
  return changes;
}

const EBUSY = 16;
