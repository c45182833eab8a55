/**
 * Where a listener's socket file is: in a folder that nobody else can enter, or where the user wants it.
 *
 * Runs in every process. Removes what it made and nothing else.
 */
import { chmodSync, lstatSync, mkdtempSync, rmdirSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getuid } from 'node:process';
import { ProtocolError } from '../errors.js';
import { systemError } from '../substrate/failure.js';
import { PATH_MAX_BYTES } from './address.js';

/** A path in a new folder of our own. @throws {SystemError} If there is no folder to make it in, or it is full. */
export function newSocketPath(): string {
  const folder = newFolder();
  chmodSync(folder, OWNER_ONLY);
  const { mode, uid } = lstatSync(folder);
  if ((mode & 0o777) !== OWNER_ONLY || uid !== getuid?.())
    throw new ProtocolError(`Cannot listen: ${folder}, which was made for the socket, is not this user's alone`);
  return join(folder, SOCKET_NAME);
}

/** Remembers the file that was made at `path`, to be removed when it is closed, or the process ends by itself. */
export class SocketFile {
  readonly #path: string;
  readonly #folder: string | undefined;
  readonly #inode: number;

  /** @param ownFolder Whether `newSocketPath` made it. */
  constructor(path: string, ownFolder: boolean) {
    this.#path = path;
    this.#folder = ownFolder ? dirname(path) : undefined;
    this.#inode = lstatSync(path).ino;
    if (files.size === 0) process.on('exit', removeAll);
    files.add(this);
  }

  /** Removes it, unless somebody else has put another file there. */
  remove(): void {
    if (!files.delete(this)) return;
    if (files.size === 0) process.off('exit', removeAll);
    try {
      if (lstatSync(this.#path).ino === this.#inode) unlinkSync(this.#path);
      if (this.#folder !== undefined) rmdirSync(this.#folder);
    } catch {
      // Somebody else has removed it.
    }
  }
}

/** Removes the folder of a path that nothing was made at. */
export function dropFolderOf(path: string): void {
  try {
    rmdirSync(dirname(path));
  } catch {
    // It is gone.
  }
}

function newFolder(): string {
  const preferred = tmpdir();
  const fits = Buffer.byteLength(join(preferred, `${FOLDER_PREFIX}XXXXXX`, SOCKET_NAME)) <= PATH_MAX_BYTES;
  const parent = fits ? preferred : '/tmp';
  try {
    return mkdtempSync(join(parent, FOLDER_PREFIX));
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : systemError(`listen in a new folder of ${parent}`, -errno, 'mkdtemp'); // undefined: --permission
  }
}

function removeAll(): void {
  for (const file of files) file.remove();
}

const files = new Set<SocketFile>();
const FOLDER_PREFIX = 'multiproc-';
const SOCKET_NAME = 'socket';
const OWNER_ONLY = 0o700;
