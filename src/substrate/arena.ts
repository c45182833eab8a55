/**
 * The family's shared memory as this process sees it: created by the first process of a family, inherited
 * by every descendant as a file descriptor, mapped once for the process's life.
 *
 * Runs in every process and thread. Nothing of it has a name, so nothing is left when all of them are killed.
 */
import { binding } from '../native/binding.js';
import { isFailure, orThrow, systemError } from './failure.js';
import {
  ARENA_MAGIC,
  ARENA_VERSION,
  EXTENTS_MAX,
  HEADER_BYTES,
  HEADER_EXTENT_COUNT,
  HEADER_EXTENT_SHIFT,
  HEADER_FOUNDER_PID,
  HEADER_FOUNDER_START_HIGH,
  HEADER_FOUNDER_START_LOW,
  HEADER_MAGIC,
  HEADER_VERSION,
  PAGE_BYTES,
  TABLES_END,
} from './layout.js';
import { ProtocolError, UnsupportedPlatformError } from '../errors.js';

const DEFAULT_BYTES = 2 ** 36;
const SMALLEST_BYTES = 2 ** 22;
const LARGEST_EXTENT_SHIFT = 26;

/** From here on a request is compared with the free memory first: the kernel would rather kill somebody than say no. */
const CHECKED_BYTES = 2 ** 26;
const ENOMEM = 12;

/** The mapped arena. Offsets are bytes from its start. */
export interface Arena {
  readonly fd: number;
  readonly size: number;
  /** The global words. */
  readonly header: Int32Array;
  readonly extentShift: number;
  readonly extentCount: number;
  /** A view of shared bytes; of small pieces the same view is given again. */
  words(offset: number, bytes: number): Int32Array;
  /** @throws {ResourceExhaustedError} If there is no memory for it. */
  reserve(offset: number, bytes: number): void;
  discard(offset: number, bytes: number): void;
  buffer(offset: number, bytes: number): ArrayBuffer;
}

let current: Arena | undefined;

/**
 * The arena of this family; created if this process is its first.
 *
 * @throws {ResourceExhaustedError} If the address space or memory is exhausted.
 * @throws {UnsupportedPlatformError} If there is no /proc of this process's own PID namespace.
 */
export function arena(): Arena {
  return (current ??= openArena());
}

/** Maps the arena that this process inherited as `fd`; does nothing if it is mapped already. */
export function attachArena(fd: number): Arena {
  if (current !== undefined) return current;
  const native = binding();
  if (native.arenaInfo() === undefined) orThrow('attach to the shared memory of the parent', native.arenaAttach(fd));
  return arena();
}

/** Puts another arena in place, and gives back the one before. */
export function exchangeArena(other: Arena | undefined): Arena | undefined {
  const before = current;
  current = other;
  return before;
}

function openArena(): Arena {
  const native = binding();
  const mapped = native.arenaInfo();
  const made = mapped === undefined ? createArena() : mapped;
  const opened = describeArena(made.fd, made.size, sharedView);
  if (
    Atomics.load(opened.header, HEADER_MAGIC) !== ARENA_MAGIC ||
    Atomics.load(opened.header, HEADER_VERSION) !== ARENA_VERSION
  ) {
    throw new ProtocolError('Cannot use the shared memory: it was made by another version of multiproc');
  }
  return opened;
}

/** @throws {UnsupportedPlatformError} Without a /proc that tells who lives, nobody would hear of a death. */
function createArena(): { fd: number; size: number } {
  const native = binding();
  if (!native.procIsOurs()) {
    throw new UnsupportedPlatformError(
      `Cannot create shared memory: /proc is not mounted, or not that of this process's own PID namespace, where it is process ${process.pid}; mount it (mount -t proc proc /proc, or unshare --mount-proc)`,
    );
  }
  const asked = Number(process.env['MULTIPROC_ARENA_BYTES'] ?? DEFAULT_BYTES);
  let size = 2 ** Math.floor(Math.log2(Math.max(SMALLEST_BYTES, Number.isFinite(asked) ? asked : DEFAULT_BYTES)));
  let answer = native.arenaCreate(size);
  // Limits on address space or file size: a smaller one is better than none.
  while (isFailure(answer) && answer.syscall !== 'memfd_create' && answer.syscall !== 'arena' && size > SMALLEST_BYTES * 4) {
    size /= 2;
    answer = native.arenaCreate(size);
  }
  // Another thread of this process may have been first.
  const other = native.arenaInfo();
  if (isFailure(answer) && other !== undefined) return other;
  const fd = orThrow('create shared memory', answer);
  initialize(fd, size);
  return { fd, size };
}

function initialize(fd: number, size: number): void {
  const failed = binding().arenaReserve(0, TABLES_END);
  if (failed !== 0) throw systemError('create shared memory', failed, 'fallocate');
  const { header } = describeArena(fd, size, sharedView, 20);
  const shift = Math.max(20, Math.min(LARGEST_EXTENT_SHIFT, Math.log2(size) - 3));
  Atomics.store(header, HEADER_EXTENT_SHIFT, shift);
  Atomics.store(header, HEADER_EXTENT_COUNT, Math.min(EXTENTS_MAX, size / 2 ** shift));
  const start = binding().processStartTime(process.pid);
  Atomics.store(header, HEADER_FOUNDER_PID, process.pid);
  Atomics.store(header, HEADER_FOUNDER_START_LOW, start | 0);
  Atomics.store(header, HEADER_FOUNDER_START_HIGH, Math.floor(start / 2 ** 32));
  Atomics.store(header, HEADER_VERSION, ARENA_VERSION);
  Atomics.store(header, HEADER_MAGIC, ARENA_MAGIC);
}

/** Bytes of memory from an offset on: the same memory each time. */
type View = (offset: number, bytes: number) => ArrayBuffer;

const sharedView: View = (offset, bytes) => orThrow('map shared memory', binding().arenaView(offset, bytes));

/** An arena in the memory that `buffer` gives. */
export function describeArena(fd: number, size: number, buffer: View, extentShift?: number): Arena {
  const native = binding();
  const header = new Int32Array(buffer(0, HEADER_BYTES));
  const pages = new Map<number, Int32Array>();
  return {
    fd,
    size,
    header,
    extentShift: extentShift ?? Atomics.load(header, HEADER_EXTENT_SHIFT),
    extentCount: Atomics.load(header, HEADER_EXTENT_COUNT),
    buffer,
    words(offset, bytes) {
      const page = Math.floor(offset / PAGE_BYTES);
      const within = offset - page * PAGE_BYTES;
      if (within + bytes > PAGE_BYTES) return new Int32Array(buffer(offset, bytes));
      let whole = pages.get(page);
      if (whole === undefined) {
        whole = new Int32Array(buffer(page * PAGE_BYTES, PAGE_BYTES));
        pages.set(page, whole);
      }
      return whole.subarray(within / 4, (within + bytes) / 4);
    },
    reserve(offset, bytes) {
      if (bytes >= CHECKED_BYTES && bytes > availableMemory())
        throw systemError(`reserve ${bytes} bytes of shared memory`, ENOMEM, 'fallocate');
      const failed = native.arenaReserve(offset, bytes);
      if (failed !== 0) throw systemError(`reserve ${bytes} bytes of shared memory`, failed, 'fallocate');
    },
    discard(offset, bytes) {
      native.arenaDiscard(offset, bytes);
    },
  };
}

function availableMemory(): number {
  return typeof process.availableMemory === 'function' ? process.availableMemory() : Number.POSITIVE_INFINITY;
}
