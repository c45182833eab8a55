/**
 * The file descriptors that a child process is started with: its stdio and its doorbell.
 *
 * Runs in parents.
 */
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { binding } from '../native/binding.js';
import { orThrow, systemError } from '../substrate/failure.js';

/** Descriptors of this process, some of them the child's until it has them. */
export interface ChildFds {
  /** What the child is to have as 0, 1 and 2. */
  readonly stdio: readonly number[];
  readonly bellRead: number;
  /** Stays open here too: the way to ring the child. */
  readonly bellWrite: number;
  /** The child has them: closes what is the child's alone, gives what is to be read. */
  handOver(): { stdout: Socket | null; stderr: Socket | null };
}

/** Opens them; `undo` closes them all if the start fails. @throws {ResourceExhaustedError} If there are no more. */
export function openChildFds(stdio: 'inherit' | 'pipe' | 'ignore', undo: (() => void)[]): ChildFds {
  const native = binding();
  const toClose: number[] = [];
  const open = (fd: number): number => {
    toClose.push(fd);
    return fd;
  };
  let nothing = -1;
  const close = () => {
    for (const fd of toClose.splice(0)) native.closeFd(fd);
    if (nothing >= 0) closeSync(nothing);
    nothing = -1;
  };
  undo.push(close);
  const pipe = (): [number, number] => orThrow('start a process', native.pipe());
  const [bellRead, bellWrite] = pipe();
  open(bellRead);
  undo.push(() => native.closeFd(bellWrite));
  native.keepBell(bellWrite);
  nothing = openNull(stdio === 'ignore' ? 'r+' : 'r'); // under --permission, only reading is free
  const outputs: number[] = [];
  const written = [1, 2].map((fd) => {
    if (stdio === 'inherit') return fd;
    if (stdio === 'ignore') return nothing;
    const [read, write] = pipe();
    outputs.push(read);
    undo.push(() => native.closeFd(read));
    return open(write);
  });
  const handOver = () => {
    close();
    const [stdout = null, stderr = null] = outputs.map(readableOf);
    return { stdout, stderr };
  };
  return { stdio: [nothing, ...written], bellRead, bellWrite, handOver };
}

function readableOf(fd: number): Socket {
  const { Socket } = process.getBuiltinModule('node:net'); // costs milliseconds, and most children have no pipes
  return new Socket({ fd, readable: true, writable: false });
}

/** To be closed by `closeSync`: at the end of a thread, node closes what it has not seen closed, whoever has that number then. */
function openNull(flags: 'r' | 'r+'): number {
  try {
    return openSync('/dev/null', flags);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    throw errno === undefined ? error : systemError('start a process without /dev/null', -errno, 'open'); // node itself refused: --permission
  }
}
