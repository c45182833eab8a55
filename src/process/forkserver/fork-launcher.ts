/**
 * Start method `forkserver`: gives each child to the server that forks, or where that cannot be to a standby.
 *
 * Runs in parents. A child that is started before the server is ready gets a standby as well: who would rather wait
 * awaits `awaitForkserver()` first.
 */
import { ProcessError } from '../../errors.js';
import { binding } from '../../native/binding.js';
import { type ChildFds, openChildFds } from '../child-fds.js';
import {
  type Child,
  executablePath,
  handleOf,
  homeArgument,
  type LaunchRequest,
  launchWith,
  type Place,
  prepareLaunch,
  type Started,
} from '../launcher.js';
import { childEnvironment } from '../child-setup.js';
import { loadsForParent } from '../identity.js';
import { Bell } from '../../substrate/doorbell.js';
import { isFailure, systemError } from '../../substrate/failure.js';
import { self } from '../../substrate/self.js';
import { execArgvForChild } from '../../wire/loader-flags.js';
import { ForkServer } from './fork-server.js';
import { differsAtStart, refusalHere } from './fork-support.js';
import type { ChildOrder } from './job.js';
import { forkserverPreload } from '../forkserver-preload.js';
import type { ForkServerChild } from './server-process.js';
import { Standby } from './standby.js';

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
let key: readonly unknown[] = [];
let failures = 0;
let refusal: string | undefined;

/** What of a launch decides who starts it. */
type Needs = Pick<LaunchRequest, 'execArgv' | 'env'>;

/** Starts a child. @throws {SystemError} If it cannot be started. */
export function launchForked(request: LaunchRequest): Child {
  prepareLaunch();
  return launchWith((place) => start(request, place), request);
}

/**
 * What a launch had better wait for: the first test of the server.
 *
 * @returns undefined: nothing. The promise rejects with `ProcessError` if a module that must be preloaded cannot be.
 */
export function awaitForkserver(needs?: () => Needs): Promise<void> | undefined {
  if (loadsForParent()) return undefined; // the start is refused, and needs no server
  const before = server;
  if (isAtHand(before) && serverNow() === before) return undefined;
  if (needs !== undefined && needsStandby(needs())) return undefined;
  const current = serverNow();
  if (current === undefined || isAtHand(current)) return undefined;
  return decided(current);
}

/** Whether a server needs nothing but to be asked. */
function isAtHand(current: ForkServer | undefined): boolean {
  return current?.ready === true && (current.preload.onError !== 'fail' || current.failures.length === 0);
}

async function decided(current: ForkServer): Promise<void> {
  const { doorbell } = self();
  doorbell.hold();
  await current.decided;
  doorbell.release();
  judgePreload(current);
}

function judgePreload({ preload: { onError }, failures: failed }: ForkServer): void {
  const texts = failed.map(({ module, message }) => `'${module}' in the fork server: ${message}`);
  if (onError === 'fail' && texts.length > 0) throw new ProcessError(`Cannot preload ${texts.join('; ')}`);
}

/** How a child started now would be started. */
export function forkserverState(): ForkserverState {
  if (server?.ready === true) return { variant: 'fork' };
  return { variant: 'standby', reason: refusal ?? server?.refusal ?? 'the fork server is not ready yet' };
}

/** The server that forks; started at need, replaced when it is dead. */
function serverNow(): ForkServer | undefined {
  const wanted = [
    JSON.stringify(forkserverPreload()),
    executablePath(),
    process.getuid?.(),
    process.geteuid?.(),
    process.getgid?.(),
    process.getegid?.(),
  ];
  if (wanted.some((each, index) => each !== key[index])) {
    key = wanted;
    server?.retire();
    server = undefined;
    standby?.stop();
    standby = undefined;
    failures = 0;
  }
  refusal = refusalHere();
  if (refusal !== undefined) return undefined;
  if (server?.refusal !== undefined) {
    failures = server.wasReady ? 0 : server.isHopeless ? FAILURES_ALLOWED : failures + 1;
    if (failures < FAILURES_ALLOWED) server = undefined;
    else refusal = server.refusal;
  }
  return refusal === undefined ? (server ??= new ForkServer()) : undefined;
}

function start(request: LaunchRequest, place: Place): Started {
  const given = openChildFds(request.stdio, place.undo);
  const home = homeArgument(request, place);
  const orderFor = (env: ForkServerChild['env']): ChildOrder => ({
    program: request.entry,
    home,
    env: changesOf(env, request.env),
    cwd: request.cwd ?? null,
    random: null,
  });
  return forked(request, orderFor, given, place) ?? stoodBy(request, orderFor, given, place);
}

type OrderFor = (env: ForkServerChild['env']) => ChildOrder;

/** By the server that forks; undefined: it cannot do this one. */
function forked(request: LaunchRequest, orderFor: OrderFor, given: ChildFds, place: Place): Started | undefined {
  if (!hasUsualFlags(request)) return undefined;
  const current = serverNow();
  if (current?.ready !== true) return undefined;
  const order = orderFor(current.process.env);
  if (differsAtStart(order.env)) return undefined;
  const answer = current.fork(order, [...given.stdio, given.bellRead, given.bellWrite], request.detached);
  if (!isFailure(answer)) {
    const started = startedAs(answer, given, place);
    return { ...started, watch: (onEnd) => started.watch((status) => onEnd(current.ended(status))) };
  }
  if (answer.syscall === 'forkserver' || answer.errno === EBUSY) return undefined;
  throw systemError('start a process', answer.errno, answer.syscall);
}

function stoodBy(request: LaunchRequest, orderFor: OrderFor, given: ChildFds, place: Place): Started {
  standby ??= new Standby();
  const native = binding();
  const server = standby.take(needsStandby(request) || request.cwd !== undefined ? request : undefined);
  const text = JSON.stringify(orderFor(server.env));
  const failed = native.becomeChild(server.calls, text, [...given.stdio, given.bellRead, given.bellWrite], request.detached);
  server.forget();
  for (const fd of [server.calls, server.reaps]) native.closeFd(fd);
  if (failed !== 0) {
    server.kill();
    throw systemError('start a process', failed, 'sendmsg');
  }
  return startedAs(server, given, place);
}

function startedAs({ id, pid }: { id: number; pid: number }, given: ChildFds, { participant }: Place): Started {
  return { ...handleOf(id), pid, bell: new Bell(participant, given.bellWrite), ...given.handOver() };
}

/** Whether a child needs what a node can be given only at its start. */
function needsStandby(needs: Needs): boolean {
  return !hasUsualFlags(needs) || differsAtStart(changesOf(childEnvironment(undefined), needs.env));
}

function hasUsualFlags({ execArgv }: Needs): boolean {
  const usual = execArgvForChild();
  return execArgv.length === usual.length && execArgv.every((flag, index) => flag === usual[index]);
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
