/**
 * File descriptors on their way between members of the family, in the hands of its first process (`native/keeper.h`, where
 * it says who may die when).
 *
 * Runs in every process and thread.
 */
import { SystemError } from '../errors.js';
import { binding } from '../native/binding.js';
import { arena } from './arena.js';
import { systemError } from './failure.js';
import { HEADER_KEEPER, HEADER_KEPT } from './layout.js';

/**
 * Has a duplicate kept for whoever takes it by this token, until it is dropped.
 *
 * @throws {SystemError} If that cannot be; `ResourceExhaustedError` if the first process has no numbers left.
 */
export function keepDescriptor(token: number, fd: number): void {
  // The addon is not asked by node: what the permission model forbids, it must not do behind its back.
  if (Atomics.load(arena().header, HEADER_KEEPER) === 0 && process.permission?.has('fs.write', '/tmp/multiproc') === false)
    throw new SystemError('Cannot send a descriptor: the permission model forbids it; run node with --allow-fs-write=/tmp', {
      code: 'EACCES',
      errno: 13,
      syscall: 'bind',
    });
  const errno = binding().keeperKeep(token, fd);
  if (errno !== 0) throw systemError('send a descriptor', errno, 'sendmsg');
}

/** A duplicate of what is kept, which is closed at the end of this thread. @throws {SystemError} `ENOENT`: there is none. {ResourceExhaustedError} If there are no numbers left. */
export function takeDescriptor(token: number): number {
  const fd = binding().keeperTake(token);
  if (fd < 0) throw systemError('receive a descriptor', -fd, 'recvmsg');
  return fd;
}

/** As `takeDescriptor`, but the caller alone closes it. */
export function takeOwnDescriptor(token: number): number {
  const fd = takeDescriptor(token);
  binding().forgetBell(fd);
  return fd;
}

/** Closes what is kept, if there is any. */
export function dropDescriptor(token: number): void {
  binding().keeperDrop(token);
}

/** How many are kept, of the whole family. */
export function keptDescriptors(): number {
  return Atomics.load(arena().header, HEADER_KEPT);
}
