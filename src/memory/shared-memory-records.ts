/**
 * Which names in /dev/shm belong to which family, so that those of a family that was killed are removed at the next start.
 *
 * Runs in every process that makes or removes named shared memory, or starts a child.
 *
 * ```text
 * /dev/shm/multiproc-UID-NAMESPACE/      only its user may enter; one per pid namespace, since pids are compared
 *   PID-START-RANDOM.name                symbolic link whose text is the name
 *   PID-START-RANDOM                     the memory itself, a second name of the same file
 * ```
 *
 * PID and START are those of the family's first process. Who may die at which step: the link is made first, then the file,
 * then its public name. At every step the record says all that is to be removed, and a name is removed only while it is
 * that very file, never one that somebody else made under the same name since.
 */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { faultPoint } from '../substrate/fault.js';
import { exists, familyFounder, type ProcessKey } from '../substrate/named-memory.js';

/** Where the memory of a name lies. */
export const MEMORY_FOLDER = '/dev/shm';
const RECORD = /^((\d+)-(\d+)-[0-9a-f]+)(\.name)?$/;

let swept = false;
let sweepsAtExit = false;

/**
 * Makes the record of a name. Gives the path at which to make the file; undefined if there can be no record, because the
 * folder is not ours.
 */
export function recordName(name: string): string | undefined {
  const folder = recordsFolder();
  const { pid, start } = familyFounder();
  const path = `${folder}/${pid}-${start}-${randomBytes(6).toString('hex')}`;
  // Somebody who swept the last record away removes the folder.
  for (;;) {
    if (!makeFolder(folder)) return undefined;
    if (!ignoring(['ENOENT'], () => symlinkSync(name, `${path}.name`))) continue;
    faultPoint('shared_memory.recorded');
    sweepAtExit(pid);
    return path;
  }
}

/** Removes the record at a path that `recordName` gave. */
export function dropRecord(path: string): void {
  remove(path);
  faultPoint('shared_memory.halfForgotten');
  remove(`${path}.name`);
  removeFolder();
}

/** Removes all records of a file. */
export function dropRecordsOf(inode: bigint): void {
  for (const { path } of records()) {
    if (inodeOf(path) === inode) dropRecord(path);
  }
}

/** Number of the file at a path; undefined if there is none. */
export function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** Removes a file, if it is there. */
export function remove(path: string): void {
  ignoring(['ENOENT'], () => unlinkSync(path));
}

/** Removes what families left that are no more; the second call of a thread does nothing. */
export function sweepOnce(): void {
  if (swept) return;
  swept = true;
  try {
    sweep((founder) => !exists(founder));
  } catch {
    // Cleaning up after others is no reason to fail: the folder may be forbidden to this program.
  }
}

function sweep(isLeft: (founder: ProcessKey) => boolean): void {
  for (const { path, founder } of records()) {
    if (!isLeft(founder)) continue;
    const inode = inodeOf(path);
    const name = nameIn(path);
    if (inode !== undefined && name !== undefined && inodeOf(`${MEMORY_FOLDER}/${name}`) === inode)
      remove(`${MEMORY_FOLDER}/${name}`);
    faultPoint('shared_memory.swept');
    remove(path);
    remove(`${path}.name`);
  }
  removeFolder();
}

/** A family's names go with its first process. */
function sweepAtExit(founderPid: number): void {
  if (sweepsAtExit || founderPid !== process.pid || !isMainThread()) return;
  sweepsAtExit = true;
  const own = familyFounder();
  process.on('exit', () => sweep(({ pid, start }) => pid === own.pid && start === own.start));
}

/** Most programs never ask; loading that module of node for all of them takes 2 ms. */
function isMainThread(): boolean {
  return process.getBuiltinModule('node:worker_threads').isMainThread;
}

function records(): Array<{ path: string; founder: ProcessKey }> {
  const folder = recordsFolder();
  const found = new Map<string, ProcessKey>();
  ignoring(['ENOENT', 'EACCES', 'ENOTDIR'], () => {
    if (!isOurs(folder)) return;
    for (const entry of readdirSync(folder)) {
      const [, id, pid, start] = RECORD.exec(entry) ?? [];
      if (id !== undefined) found.set(`${folder}/${id}`, { pid: Number(pid), start: Number(start) });
    }
  });
  return [...found].map(([path, founder]) => ({ path, founder }));
}

function nameIn(path: string): string | undefined {
  let name: string | undefined;
  ignoring(['ENOENT'], () => (name = readlinkSync(`${path}.name`)));
  return name === undefined || name.includes('/') ? undefined : name;
}

function recordsFolder(): string {
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  return `${MEMORY_FOLDER}/multiproc-${process.getuid?.() ?? 0}-${namespace}`;
}

/** Whether the folder is there and nobody else may enter it: another user could have made it to fool us. */
function makeFolder(folder: string): boolean {
  ignoring(['EEXIST'], () => mkdirSync(folder, { mode: 0o700 }));
  return lstatSync(folder, { throwIfNoEntry: false }) === undefined || isOurs(folder);
}

function isOurs(folder: string): boolean {
  const found = lstatSync(folder);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
}

function removeFolder(): void {
  ignoring(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM', 'EACCES'], () => rmdirSync(recordsFolder()));
}

/** Whether it went without one of these errors. */
function ignoring(codes: readonly string[], act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
