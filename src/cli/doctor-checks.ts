/**
 * The checks of `multiproc doctor`, in the order they are printed: what they look at, and what to do about it.
 *
 * Runs in the parent. Looks only; the one thing started is a worker, which is gone again at the end.
 */
import { existsSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { binaryCandidates } from '../native/binary-candidates.js';
import { binding } from '../native/binding.js';
import { awaitForkserver, forkserverState } from '../process/forkserver/fork-launcher.js';
import { arena } from '../substrate/arena.js';
import { checkDevShm } from './check-dev-shm.js';
import type { CliHost } from './host.js';
import { bytes, cgroupValue, glibcVersion, memoryAvailable, processLimit } from './machine.js';
import { messageOf } from './usage-error.js';

/** What a check found. `advice` says what to do. */
export interface Finding {
  readonly status: 'ok' | 'warn' | 'FAIL';
  readonly detail: string;
  readonly advice?: string;
}

/** May throw: that is a FAIL with the error's message. */
export type Check = (host: CliHost) => Finding | Promise<Finding>;

/** Every check by the name it is printed with. */
export const DOCTOR_CHECKS: Readonly<Record<string, Check>> = {
  node: checkNode,
  platform: checkPlatform,
  kernel: checkKernel,
  'native addon': checkAddon,
  'shared memory': checkArena,
  'process start': checkProcess,
  forkserver: checkForkserver,
  cpus: checkCpus,
  memory: checkMemory,
  'open files': () => checkLimit('Max open files', 256, 'each worker needs a few descriptors: raise ulimit -n'),
  processes: checkProcessLimit,
  'address space': checkAddressSpace,
  '/dev/shm': () => checkDevShm('/dev/shm'),
  inspector: checkInspector,
  permissions: checkPermissions,
  certificates: checkCertificates,
  NODE_OPTIONS: checkNodeOptions,
};

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const detail = `${process.version} (${process.execPath})`;
  if (major < 20 || (major === 20 && minor < 19)) return { status: 'FAIL', detail, advice: 'install Node.js 20.19 or newer' };
  return { status: 'ok', detail };
}

function checkPlatform(): Finding {
  const glibc = glibcVersion();
  const detail = `${process.platform} ${process.arch} ${glibc === undefined ? 'without glibc' : `glibc ${glibc}`}`;
  if (process.platform !== 'linux') return { status: 'FAIL', detail, advice: 'processes run on Linux only' };
  if (glibc === undefined)
    return { status: 'warn', detail, advice: 'musl: there is no prebuilt binary, the addon is built from source' };
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return { status: 'warn', detail, advice: 'tested on x64 and arm64 only' };
  return { status: 'ok', detail };
}

function checkKernel(): Finding {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const detail = `Linux ${release()}`;
  if (process.platform === 'linux' && (major < 5 || (major === 5 && minor < 6))) {
    return { status: 'FAIL', detail, advice: 'pidfd and sealed memory files need Linux 5.6 or newer' };
  }
  return { status: 'ok', detail };
}

function checkAddon(): Finding {
  binding();
  return { status: 'ok', detail: binaryCandidates().find((path) => existsSync(path)) ?? 'loaded' };
}

function checkArena(): Finding {
  const { size } = arena();
  const detail = `${bytes(size)} of address space can be shared (memory is taken as it is used)`;
  if (size < SMALL_ARENA_BYTES)
    return { status: 'warn', detail, advice: 'the address space is limited (ulimit -v): large queues and arrays will not fit' };
  return { status: 'ok', detail };
}

async function checkProcess(host: CliHost): Promise<Finding> {
  const runner = await host.createRunner(1);
  try {
    const target = { spec: 'node:path', url: 'node:path', base: 'file:///', exportName: 'basename' };
    const started = performance.now();
    const problem = await withDeadline(runner.check(target));
    const startMs = performance.now() - started;
    if (problem !== null) return { status: 'FAIL', detail: problem.message };
    const sent = performance.now();
    await withDeadline(runner.run({ target, format: 'files', items: ['/a/b'], timeout: undefined, retries: 0 }));
    const detail = `${startMs.toFixed(0)} ms to the first answer, ${(performance.now() - sent).toFixed(2)} ms for a round trip`;
    return startMs > SLOW_START_MS
      ? { status: 'warn', detail, advice: 'slow: a loaded machine, a slow disk, or heavy NODE_OPTIONS' }
      : { status: 'ok', detail };
  } finally {
    await runner.kill();
  }
}

/** Either is well: what differs is how fast children start, and how much memory they have in common. */
async function checkForkserver(): Promise<Finding> {
  await awaitForkserver();
  const { variant, reason } = forkserverState();
  if (variant === 'fork')
    return { status: 'ok', detail: 'truly forks: its children are copies of a server, as it is after its preload' };
  return { status: 'ok', detail: `keeps a process ready for each next child, because it cannot fork: ${reason}` };
}

function checkCpus(host: CliHost): Finding {
  const detail = `${host.cpuCount} usable (affinity and container limit), ${availableParallelism()} in this process's affinity`;
  return host.cpuCount > 1
    ? { status: 'ok', detail }
    : { status: 'warn', detail, advice: 'on one CPU processes cannot make computations faster' };
}

function checkMemory(host: CliHost): Finding {
  const available = memoryAvailable();
  const detail = `${bytes(available)} available`;
  const needed = host.cpuCount * WORKER_BYTES;
  return available < needed
    ? { status: 'warn', detail, advice: `${host.cpuCount} workers need about ${bytes(needed)}: use --processes` }
    : { status: 'ok', detail };
}

function checkProcessLimit(): Finding {
  const finding = checkLimit('Max processes', 64, 'raise ulimit -u');
  const pids = cgroupValue('pids.max');
  if (pids === undefined || pids >= 64) return finding;
  return {
    status: 'warn',
    detail: `${finding.detail}, the container allows ${pids}`,
    advice: 'each worker has about a dozen threads: raise the pids limit of the container',
  };
}

function checkAddressSpace(): Finding {
  const limit = processLimit('Max address space');
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return { status: 'ok', detail: 'unlimited' };
  return {
    status: 'warn',
    detail: `limited to ${bytes(limit)}`,
    advice: 'the shared arena is smaller under ulimit -v; node itself needs several GiB',
  };
}

function checkLimit(name: string, enough: number, advice: string): Finding {
  const limit = processLimit(name);
  if (limit === undefined) return { status: 'ok', detail: 'not known' };
  const detail = limit === Number.POSITIVE_INFINITY ? 'unlimited' : `${limit}`;
  return limit < enough ? { status: 'warn', detail, advice } : { status: 'ok', detail };
}

async function checkInspector(): Promise<Finding> {
  try {
    const { Session } = await import('node:inspector');
    const session = new Session();
    session.connect();
    session.disconnect();
    return { status: 'ok', detail: 'available: closures and functions that are not exported can be sent' };
  } catch (error) {
    return {
      status: 'warn',
      detail: messageOf(error),
      advice: 'only exported functions, task() and remote() can be sent; with --permission add --allow-inspector (Node 24)',
    };
  }
}

function checkPermissions(): Finding {
  const permission = (process as { permission?: { has(scope: string): boolean } }).permission;
  if (permission === undefined) return { status: 'ok', detail: 'permission model is off' };
  const missing = ['child', 'addon'].filter((scope) => !permission.has(scope));
  if (missing.length === 0) return { status: 'ok', detail: 'permission model is on and allows child processes and addons' };
  const allow = missing.map((scope) => (scope === 'child' ? '--allow-child-process' : '--allow-addons')).join(' ');
  return { status: 'FAIL', detail: 'permission model is on', advice: `run node with ${allow}` };
}

function checkCertificates(): Finding {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  if (!file) return { status: 'ok', detail: 'NODE_EXTRA_CA_CERTS is not set' };
  if (!process.version.startsWith('v20.')) return { status: 'ok', detail: `NODE_EXTRA_CA_CERTS is ${file}` };
  return {
    status: 'warn',
    detail: `NODE_EXTRA_CA_CERTS is ${file}`,
    advice:
      'Node 20 reads it at its start (about 30 ms with all system certificates), children of multiproc only when they use TLS; Node 22 reads it when it is needed',
  };
}

function checkNodeOptions(): Finding {
  const options = process.env['NODE_OPTIONS'] ?? '';
  if (options === '') return { status: 'ok', detail: 'not set' };
  const slowing = /--(inspect|require|import|loader|experimental-loader|cpu-prof|heap-prof)\b|(^| )-r /.test(options);
  return slowing
    ? { status: 'warn', detail: options, advice: 'it applies to every worker and costs time at each start' }
    : { status: 'ok', detail: options };
}

function withDeadline<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer from a worker within ${START_LIMIT_MS / 1000} s`)),
      START_LIMIT_MS,
    );
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const SMALL_ARENA_BYTES = 2 ** 30;
const WORKER_BYTES = 64 * 2 ** 20;
const SLOW_START_MS = 1000;
const START_LIMIT_MS = 10_000;
