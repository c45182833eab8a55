/**
 * Memory with a name, which any program of the machine can open: a file in /dev/shm.
 *
 * Runs in every process and thread. Only who calls `unlink`, the end of the family's first process, or the next start
 * after everybody was killed removes a name; that a process opened it and ended never does.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, linkSync, openSync } from 'node:fs';
import { getSystemErrorMap, inspect } from 'node:util';
import { ClosedError, SystemError } from '../errors.js';
import { showAs } from '../sharing/inspection.js';
import { checkOptionsObject } from '../substrate/argument-checks.js';
import { systemError } from '../substrate/failure.js';
import { faultPoint } from '../substrate/fault.js';
import { mapFile, unmapFile } from '../substrate/named-memory.js';
import { deserialize, serialize } from '../wire/class-hooks.js';
import { explainRefusal } from '../wire/refusal.js';
import { dropRecord, dropRecordsOf, inodeOf, MEMORY_FOLDER, recordName, remove, sweepOnce } from './shared-memory-records.js';

/** Options of `SharedMemory`. */
export interface SharedMemoryOptions {
  /** Without `/` and NUL, up to 255 bytes. By default a new one, if it is to be created. */
  readonly name?: string | undefined;
  /** Makes it; else it must be there. Default false. */
  readonly create?: boolean;
  /** Bytes, if it is to be created. */
  readonly size?: number;
  /** Whether it is removed with the family that created it. Default true. */
  readonly track?: boolean;
}

interface Mapped {
  readonly name: string;
  readonly inode: bigint;
  readonly buffer: ArrayBuffer;
}

/** Completes "Cannot …". */
const CREATE = 'create shared memory';
const OPEN = 'open shared memory';
const NAME_BYTES_MAX = 255;

/**
 * Named shared memory.
 *
 * - Zeroed when it is created, with memory behind every byte: what does not fit is an error there, never a crash later.
 * - Sent to another process, it is opened there by its name; that fails after `unlink`.
 * - The name is there until `unlink()`, by whomever. With `track`, it goes at the latest with the first process of the
 *   family that created it, or, if all were killed, at the next start of a family of this user.
 * - Programs of this user only can open it. One that shrinks the file crashes all who use it: nothing protects from that.
 *
 * @throws {SystemError} `EEXIST` or `ENOENT`, if the name is there or not.
 * @throws {ResourceExhaustedError} `ENOSPC` if there is not so much memory.
 * @throws {TypeError|RangeError} If an option is wrong.
 * @python `multiprocessing.shared_memory.SharedMemory`; the same memory under the same name. There, a program that only
 *   opened it removes it at its end, and a second `unlink` fails.
 */
export class SharedMemory implements Disposable {
  static {
    showAs(SharedMemory, (memory) =>
      memory.#isClosed ? { name: memory.name, closed: true } : { name: memory.name, size: memory.size },
    );
  }

  readonly #mapped: Mapped;
  #isClosed = false;
  #isUnlinked = false;

  constructor(options: SharedMemoryOptions = {}) {
    checkOptionsObject(`Cannot ${OPEN}`, options);
    const { name, create = false, size = 0, track = true } = options;
    const act = create ? CREATE : OPEN;
    const checked = name === undefined ? undefined : checkName(name, act);
    if (!create) {
      if (checked === undefined) throw new TypeError(`Cannot ${act}: it needs a name unless it is to be created`);
      this.#mapped = attach(checked);
      return;
    }
    if (!Number.isSafeInteger(size) || size <= 0)
      throw new RangeError(`Cannot ${act}: its size must be a positive integer, received ${inspect(size)}`);
    sweepOnce();
    this.#mapped = checked === undefined ? createNew(size, track) : createNamed(checked, size, track);
  }

  /** The memory. @throws {ClosedError} After `close`. */
  get buffer(): ArrayBuffer {
    if (this.#isClosed) throw new ClosedError(`Cannot use the shared memory '${this.name}': it was closed here`);
    return this.#mapped.buffer;
  }

  get name(): string {
    return this.#mapped.name;
  }

  /** Bytes; 0 after `close`. */
  get size(): number {
    return this.#mapped.buffer.byteLength;
  }

  /** Gives the memory back in this process; views on it are empty then. The name stays. A second call changes nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    unmapFile(this.#mapped.buffer);
    // Another program may have removed the name: then our record is all that keeps the memory.
    if (inodeOf(this.#path) !== this.#mapped.inode) dropRecordsOf(this.#mapped.inode);
  }

  /** Removes the name; who has the memory open goes on. Harmless if it was removed already, or is another's by now. */
  unlink(): void {
    if (this.#isUnlinked) return;
    this.#isUnlinked = true;
    if (inodeOf(this.#path) === this.#mapped.inode) remove(this.#path);
    faultPoint('shared_memory.unlinked');
    dropRecordsOf(this.#mapped.inode);
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  get #path(): string {
    return `${MEMORY_FOLDER}/${this.#mapped.name}`;
  }
}

explainRefusal(
  (value) => value instanceof SharedMemory,
  'it is memory of this machine; send its name, and open that there with new SharedMemory({ name })',
);
// Sent by its name.
Object.assign(SharedMemory, {
  [serialize]: ({ name }: SharedMemory) => name,
  [deserialize]: (name: string) => new SharedMemory({ name }),
});

/** A leading slash is no part of the name. */
function checkName(given: unknown, act: string): string {
  if (typeof given !== 'string') throw new TypeError(`Cannot ${act}: its name must be a string, received ${inspect(given)}`);
  const name = given.replace(/^\//, '');
  const isBad = name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || Buffer.byteLength(name) > NAME_BYTES_MAX;
  if (isBad)
    throw new RangeError(`Cannot ${act}: its name must be of 1 to 255 bytes without '/' and NUL, received ${inspect(given)}`);
  return name;
}

function attach(name: string): Mapped {
  return mapped(name, `${MEMORY_FOLDER}/${name}`, constants.O_RDWR, 0, OPEN);
}

/** With a name that nobody has. */
function createNew(size: number, track: boolean): Mapped {
  for (;;) {
    const found = tryCreate(`mpn_${randomBytes(6).toString('hex')}`, size, track);
    if (!(found instanceof SystemError)) return found;
  }
}

function createNamed(name: string, size: number, track: boolean): Mapped {
  const made = tryCreate(name, size, track);
  if (made instanceof SystemError) throw made;
  return made;
}

/** Gives the error if the name is taken; throws the others. */
function tryCreate(name: string, size: number, track: boolean): Mapped | SystemError {
  try {
    return track ? createTracked(name, size) : createAt(name, `${MEMORY_FOLDER}/${name}`, size);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EEXIST') return error;
    throw error;
  }
}

function createTracked(name: string, size: number): Mapped {
  const record = newRecord(name);
  if (record === undefined) return createAt(name, `${MEMORY_FOLDER}/${name}`, size);
  try {
    const made = createAt(name, record, size);
    faultPoint('shared_memory.reserved');
    try {
      linkSync(record, `${MEMORY_FOLDER}/${name}`);
      faultPoint('shared_memory.named');
    } catch (error) {
      unmapFile(made.buffer);
      throw asSystemError(error, `${CREATE} '${name}'`);
    }
    return made;
  } catch (error) {
    dropRecord(record);
    throw error;
  }
}

function newRecord(name: string): string | undefined {
  try {
    return recordName(name);
  } catch (error) {
    throw asSystemError(error, `${CREATE} '${name}'`);
  }
}

function createAt(name: string, path: string, size: number): Mapped {
  return mapped(name, path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, size, CREATE);
}

/** Opens and maps a file; one that it made is removed if that fails. */
function mapped(name: string, path: string, flags: number, size: number, act: string): Mapped {
  let fd: number;
  try {
    fd = openSync(path, flags | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw asSystemError(error, `${act} '${name}'`);
  }
  if (size > 0) faultPoint('shared_memory.opened');
  try {
    const buffer = mapFile(fd, size, size > 0 ? `${act} '${name}' of ${size} bytes` : `${act} '${name}'`);
    return { name, inode: fstatSync(fd, { bigint: true }).ino, buffer };
  } catch (error) {
    if (size > 0) remove(path);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function asSystemError(error: unknown, act: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const known = [...getSystemErrorMap()].find(([, [each]]) => each === code);
  return known === undefined ? error : systemError(act, -known[0], syscall ?? 'open');
}
