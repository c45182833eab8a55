/**
 * The processes that a test has started, read from /proc: what census.ts counts, deadline.ts dumps and
 * scripts/test.js kills.
 *
 * Runs in the test process and in the test runner. A process belongs to the family if the parent chain says so
 * or if it inherited the family's mark in its environment: the mark also finds orphans.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface FamilyMember {
  readonly pid: number;
  readonly parentPid: number;
  /** One letter as in /proc: R running, S sleeping, D disk, T stopped, Z zombie. */
  readonly state: string;
  /** In clock ticks since boot; with the pid it names one process for ever. */
  readonly startTime: number;
  /** Of its main thread. */
  readonly name: string;
  readonly command: string;
}

const MARK = 'MULTIPROC_TEST_FAMILY';

/** Marks everything that this process starts from now on. Nested test processes extend the mark of their parent. */
export function markFamily(): void {
  const own = String(process.pid);
  const marks = process.env[MARK]?.split('/') ?? [];
  if (!marks.includes(own)) process.env[MARK] = [...marks, own].join('/');
}

/** Every living process or zombie that `pid` or its descendants started, without `pid` itself, oldest first. */
export function familyOf(pid: number = process.pid): FamilyMember[] {
  const everybody = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => memberOf(Number(name)) ?? []);
  const family = new Set([pid]);
  for (const member of everybody) if (hasMark(member.pid, pid)) family.add(member.pid);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const member of everybody) if (family.has(member.parentPid)) family.add(member.pid);
  }
  family.delete(pid);
  return everybody.filter((member) => family.has(member.pid)).sort((a, b) => a.startTime - b.startTime);
}

/**
 * Without the spare children of fork servers, which come and go as the servers see fit: one for each at most. Any other that
 * goes by that name was left behind, by its server or beside one that waits.
 */
export function withoutSpares(family: readonly FamilyMember[]): FamilyMember[] {
  const pids = new Set(family.map(({ pid }) => pid));
  const served = new Set<number>();
  return family.filter(({ name, parentPid, state }) => {
    if (name !== 'mp-spare' || state === 'Z' || !pids.has(parentPid) || served.has(parentPid)) return true;
    served.add(parentPid);
    return false;
  });
}

/** What these processes, by default this one and its family, are doing: state, memory and, per thread, the kernel function it waits in. */
export function describeFamily(pids: readonly number[] = [process.pid, ...familyOf().map((member) => member.pid)]): string {
  return pids
    .flatMap((pid) => {
      const member = memberOf(pid);
      if (member === undefined) return [];
      const { parentPid, state, command } = member;
      return [`process ${pid} (parent ${parentPid}, state ${state}, ${memoryOf(pid)}): ${command}`, ...threadsOf(pid)];
    })
    .join('\n');
}

/** One line per group of threads that do the same. */
function threadsOf(pid: number): string[] {
  const groups = new Map<string, number>();
  for (const thread of listOf(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    const state = /^State:\s*(\S)/m.exec(textOf(`${folder}/status`))?.[1] ?? '?';
    const syscall = textOf(`${folder}/syscall`).split(' ')[0] || '?';
    const doing = `${textOf(`${folder}/comm`)}: ${state} in ${textOf(`${folder}/wchan`) || '?'}, system call ${syscall}`;
    groups.set(doing, (groups.get(doing) ?? 0) + 1);
  }
  return [...groups].map(([doing, count]) => `  ${count} × ${doing}`);
}

/** Undefined when the process is gone. */
function memberOf(pid: number): FamilyMember | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  const end = stat.lastIndexOf(')');
  if (end < 0) return undefined;
  const fields = stat.slice(end + 2).split(' ');
  const command = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() || `[${stat.slice(stat.indexOf('(') + 1, end)}]`;
  return {
    pid,
    parentPid: Number(fields[1]),
    state: fields[0] ?? '?',
    startTime: Number(fields[19]),
    name: stat.slice(stat.indexOf('(') + 1, end),
    command: shortened(command),
  };
}

/** A test process carries some forty flags of the test runner: the beginning and the end say which program it is. */
function shortened(command: string): string {
  return command.length <= 240 ? command : `${command.slice(0, 100)} … ${command.slice(-137)}`;
}

function hasMark(pid: number, root: number): boolean {
  const mark = textOf(`/proc/${pid}/environ`)
    .split('\0')
    .find((entry) => entry.startsWith(`${MARK}=`));
  return (
    mark
      ?.slice(MARK.length + 1)
      .split('/')
      .includes(String(root)) ?? false
  );
}

function memoryOf(pid: number): string {
  const resident = /^VmRSS:\s*(\d+) kB/m.exec(textOf(`/proc/${pid}/status`))?.[1];
  return resident === undefined ? 'no memory' : `${Math.round(Number(resident) / 1024)} MiB`;
}

/** The trimmed text of a /proc file, empty when the process is gone or belongs to somebody else. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The names in a /proc folder, empty when it is gone. */
export function listOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Where a /proc link points, undefined when it is gone. */
export function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
